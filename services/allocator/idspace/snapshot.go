package idspace

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// stateVersion is that of the form of a snapshot. In those of version 1 each grant has an
// offset of its own.
const (
	stateVersion = 2
	firstVersion = 1
)

// newerError says that a state is of a version which this binary does not know.
type newerError struct{ version uint32 }

func (e *newerError) Error() string {
	return fmt.Sprintf("restore the spaces of identifiers: the state has version %d; this binary knows %d", e.version, stateVersion)
}

// NewerVersion is how package eventlog recognises the error.
func (e *newerError) NewerVersion() (version, known uint32) { return e.version, stateVersion }

// Snapshot implements sharedlog.Core.
func (c *Core) Snapshot(dst []byte) []byte {
	w := codec{out: append(dst, stateVersion)}
	c.visit(&w)
	return w.out
}

// Restore implements sharedlog.Core. An error leaves the core as it was.
func (c *Core) Restore(state []byte) error {
	switch {
	case len(state) == 0:
		return errState
	case state[0] > stateVersion:
		return &newerError{uint32(state[0])}
	case state[0] < firstVersion:
		return errState
	}
	r := codec{reading: true, alone: state[0] == firstVersion, in: state[1:]}
	fresh := New()
	fresh.maxEnded = c.maxEnded
	fresh.visit(&r)
	if r.expect(len(r.in) == 0) {
		*c = *fresh
		c.restored = true
	}
	return r.err
}

func (c *Core) visit(v *codec) {
	v.number(&c.now)
	spaces, last := c.sorted(), ""
	v.list(len(spaces), func(i int) {
		s := &Space{grants: map[string]*grant{}, freed: freed{since: math.MaxInt64}}
		if !v.reading {
			s = spaces[i]
		}
		c.space(v, s)
		if v.expect(i == 0 || s.rules.Name > last) && v.reading {
			c.spaces[s.rules.Name] = s
		}
		last = s.rules.Name
	})
}

func (c *Core) space(v *codec, s *Space) {
	v.text(&s.rules.Name)
	v.number(&s.rules.From)
	v.number(&s.rules.To)
	v.number(&s.rules.QuarantineMs)
	v.number(&s.rules.MaxCount)
	v.number(&s.since)
	v.flag(&s.deleted)
	if !v.expect(s.rules.ok()) {
		return
	}
	open := c.openGrants(v, s)
	c.spans(v, s, open)
	c.endedGrants(v, s)
	for _, g := range open {
		v.expect((g.live > 0) == (g.ended < 0) && g.live+g.resting > 0 && (g.lease.index == 0 || g.live > 0))
	}
	v.expect(!s.deleted || s.live == 0 && s.resting > 0)
	last := int64(0)
	v.list(len(s.usage.samples), func(i int) {
		if v.reading {
			s.usage.samples = append(s.usage.samples, sample{})
		}
		p := &s.usage.samples[i]
		v.number(&p.minute)
		v.number(&p.taken)
		v.expect(i < maxSamples && (i == 0 || p.minute > last) && p.minute <= maxMinute && p.taken <= MaxIdentifier+1)
		last = p.minute
	})
}

// inLog orders grants as the log does; those of one record by their identifiers.
func inLog(a, b *grant) int {
	return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.from, b.from))
}

// openGrants visits those of which something is live or rests, in the order of the log.
func (c *Core) openGrants(v *codec, s *Space) []*grant {
	var open []*grant
	if !v.reading {
		open = slices.SortedFunc(maps.Values(s.grants), inLog)
		open = slices.DeleteFunc(open, func(g *grant) bool { return g.live+g.resting == 0 })
	}
	last := &grant{offset: -1}
	v.list(len(open), func(i int) {
		g := &grant{}
		if !v.reading {
			g = open[i]
		}
		c.visitGrant(v, s, g)
		c.timer(v, &g.lease)
		v.expect(inLog(last, g) < 0 && (!v.alone || last.offset < g.offset))
		if last = g; v.reading {
			open = append(open, g)
		}
	})
	return open
}

func (c *Core) endedGrants(v *codec, s *Space) {
	ended := s.ended
	v.list(len(ended), func(i int) {
		g := &grant{}
		if !v.reading {
			g = ended[i]
		}
		c.visitGrant(v, s, g)
		v.expect(g.ended >= 0 && i < c.maxEnded)
		if v.reading {
			s.ended = append(s.ended, g)
		}
	})
}

func (c *Core) visitGrant(v *codec, s *Space, g *grant) {
	g.space = s
	v.text(&g.id)
	v.text(&g.owner)
	v.number(&g.from)
	v.up(&g.to, g.from)
	v.number(&g.leaseMs)
	v.flag(&g.reserved)
	v.number(&g.generation)
	v.number(&g.offset)
	v.up(&g.ended, -1)
	g.lease.space, g.lease.grant = s, g
	if !v.reading {
		return
	}
	ok := events.CheckID("", g.id) == nil && events.CheckOptionalID("", g.owner) == nil && s.grants[g.id] == nil &&
		g.from >= s.rules.From && g.to <= s.rules.To && g.leaseMs <= MaxMs && g.generation < maxGranted
	if v.expect(ok) {
		s.grants[g.id] = g
	}
}

// maxGranted is beyond what a range can be granted: a log has no more offsets.
const maxGranted = 1 << 62

// spans visits what covers the space up to next.
func (c *Core) spans(v *codec, s *Space, open []*grant) {
	var all []*span
	numbers := map[*grant]int64{}
	if !v.reading {
		all = slices.Collect(s.spans.all(key{}))
		for i, g := range open {
			numbers[g] = int64(i)
		}
	} else {
		s.next = s.rules.From
	}
	v.list(len(all), func(i int) {
		p := &span{from: s.next}
		if !v.reading {
			p = all[i]
		}
		v.up(&p.to, p.from)
		state := int64(p.state)
		v.number(&state)
		v.number(&p.granted)
		before := s.spans.last()
		if !v.expect(p.to <= s.rules.To && state <= int64(Resting) && p.granted < maxGranted) {
			return
		}
		p.state = State(state)
		if p.state != Free {
			n := numbers[p.grant]
			v.number(&n)
			if !v.expect(n < int64(len(open)) && p.granted > 0) {
				return
			}
			p.grant = open[n]
			v.expect(p.from >= p.grant.from && p.to <= p.grant.to)
		}
		if p.state == Resting {
			p.rest.space, p.rest.rest = s, p
			v.number(&p.since)
			c.timer(v, &p.rest)
			v.expect(p.rest.index > 0)
		}
		if v.reading && v.expect(p.state != Free || before == nil || before.state != Free) {
			s.put(p)
			s.next = p.to + 1
		}
	})
}

// timer visits a timer: whether it waits or runs, and until when.
func (c *Core) timer(v *codec, t *timer) {
	waits, runs := t.index > 0 && !t.begun, t.index > 0 && t.begun
	v.flag(&waits)
	v.flag(&runs)
	switch {
	case !waits && !runs:
		return
	case !v.reading:
		v.number(&t.at)
		return
	}
	v.number(&t.at)
	if !v.expect(waits != runs && t.at > 0 && (runs && t.at > c.now && t.at-c.now <= MaxMs || waits && t.at <= MaxMs)) {
		return
	}
	if t.begun = runs; runs {
		c.begun.push(t)
	} else {
		c.waiting.push(t)
	}
}
