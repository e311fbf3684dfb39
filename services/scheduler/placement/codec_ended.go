package placement

import (
	"math/bits"

	"github.com/spanway/spanway/pkg/events"
)

// key visits the 16 bytes that stand for a task's pool and ID.
func (c *codec) key(k *endedKey) {
	if b := c.raw(len(k)); c.reading {
		copy(k[:], b)
	} else {
		copy(b, k[:])
	}
}

// window visits the tasks that ended lately, oldest first.
func (c *codec) window(w *window) {
	entries := w.oldest.all()
	n := c.length(len(entries), leastEnded)
	if c.reading {
		entries = make([]endedEntry, n)
	}
	c.base = bases{}
	for i := range entries {
		e := &entries[i]
		c.key(&e.key)
		delta(c, &e.at, &c.base.aged)
		delta(c, &e.offset, &c.base.endedOffset)
		token := bits.RotateLeft64(e.token, 1) // Its highest bit would make it long.
		counter(c, &token)
		e.token = bits.RotateLeft64(token, -1)
		if c.err != nil {
			return
		}
	}
	if c.reading {
		w.fill(entries)
	}
}

// poolRef visits a pool by its place in the order of pools.
func (c *codec) poolRef(p *pool) *table {
	n := 0
	if !c.reading {
		for n < len(c.tables) && c.tables[n].p != p {
			n++
		}
	}
	n = int(c.uvarint(uint64(n)))
	if n >= 0 && n < len(c.tables) {
		return c.tables[n]
	}
	c.fail("the number of a pool")
	return nil
}

// keeper visits the ended tasks that are kept, and why others were rejected.
func (c *codec) keeper(k *keeper) {
	keys := k.oldest.all()
	n := c.length(len(keys), leastTask)
	c.base = bases{}
	for i := 0; i < n && c.err == nil; i++ {
		var e kept
		if !c.reading {
			e = k.tasks[keys[i]]
		}
		if p, t := c.ended(e.pool, e.task); t != nil {
			key := keyOf(p.name, t.id)
			_, twice := k.tasks[key]
			c.expect(!twice, "another task")
			k.tasks[key] = kept{p, t}
			k.oldest.push(key)
		}
	}
	refusals := k.refusals.all()
	seen := make(map[endedKey]bool)
	list(c, &refusals, len(endedKey{})+1, func(key *endedKey) {
		c.key(key)
		m := k.rejected[*key]
		if c.present(m != nil && !seen[*key]) {
			seen[*key] = true
			if c.reading {
				m = &events.TaskRejected{}
				k.rejected[*key] = m
			}
			c.rejected(m)
		}
	})
	if c.reading {
		k.refusals.items = refusals
	}
}

// ended visits a task that has ended; the reader gets it.
func (c *codec) ended(p *pool, t *task) (*pool, *task) {
	tb := c.poolRef(p)
	if tb == nil {
		return nil, nil
	}
	if !c.reading {
		c.task(tb, t)
		return nil, nil
	}
	t = c.readTask(tb)
	if !c.expect(t.ended() && t.fate == none, "a task that has ended") {
		return nil, nil
	}
	return tb.p, t
}

func (c *codec) rejected(m *events.TaskRejected) {
	c.text(&m.TaskId)
	c.word(&m.Pool)
	c.word(&m.Code)
	c.text(&m.Message)
	number(c, &m.AtMs)
}

// dying visits the dead-lettered tasks whose copies may not have been published.
func (c *codec) dying(f *fifo[dying]) {
	items := f.all()
	c.base = bases{}
	list(c, &items, leastTask, func(d *dying) {
		number(c, &d.offset)
		if p, t := c.ended(d.pool, d.task); t != nil {
			d.pool, d.task = p, t
		}
	})
	if c.reading {
		f.items = items
	}
}
