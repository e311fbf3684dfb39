package placement

import (
	"github.com/spanway/spanway/pkg/events"
)

// order visits what decides who goes first: settings, shares, reservations.
func (c *codec) order(tb *table) {
	c.settings(&tb.p.settings)
	tb.p.weigh()
	for i := range tb.p.levels {
		c.level(&tb.p.levels[i])
	}
	c.reservations(tb)
}

func (c *codec) settings(m **events.PoolSettings) {
	if !c.present(*m != nil) {
		return
	}
	if c.reading {
		*m = &events.PoolSettings{}
	}
	dictionary(c, &(*m).TenantWeights, func(w *int32) { number(c, w) })
	number(c, &(*m).ReserveAfterMs)
}

// level visits the shares above its virtual time: the others count as absent.
func (c *codec) level(l *level) {
	number(c, &l.virtual)
	ahead := make(map[string]int64)
	for tenant, s := range l.shares {
		if s.given > l.virtual {
			ahead[tenant] = s.given - l.virtual
		}
	}
	dictionary(c, &ahead, func(by *int64) { number(c, by) })
	if !c.reading {
		return
	}
	for tenant, by := range ahead {
		if c.expect(by > 0, "a share above the virtual time") {
			l.shareOf(tenant).given = l.virtual + by
		}
	}
}

// reservations are visited by the index of the engine.
func (c *codec) reservations(tb *table) {
	p := tb.p
	var base uint64
	list(c, &p.reserved, 3, func(e **engine) {
		i := 0
		if !c.reading {
			i = (*e).index
		}
		if number(c, &i); c.reading {
			if !c.expect(i >= 0 && i < len(p.byIndex) && p.byIndex[i] != nil && p.byIndex[i].reservedFor == nil, "the index of an engine") {
				*e = &engine{}
				return
			}
			*e = p.byIndex[i]
		}
		(*e).reservedFor = c.ref(tb, (*e).reservedFor, &base)
		number(c, &(*e).reservedAt)
		c.expect((*e).reservedFor != nil && (*e).reservedFor.status == waiting && (*e).status == ready, "an engine that is reserved for a task")
	})
}

// after visits what a task waits for, and since when.
func (c *codec) after(x *extra) {
	list(c, &x.after, 1, c.text)
	if len(x.after) > 0 {
		number(c, &x.since)
	}
}
