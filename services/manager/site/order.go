package site

import (
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Definitions are realised before what refers to them, and removed after it: an object waits
// for what it refers to, and a removal for what still refers to it. Realising waits for no
// removal, so nothing waits in a circle.

// refersTo lists what an object refers to; nothing if it is nil.
func refersTo(m *events.NetworkObject) []network.Path {
	if m == nil {
		return nil
	}
	return network.References(m)
}

// link notes what an object refers to, and has Advance look at all that may wait for it.
func (c *Core) link(p network.Path) {
	o := c.objects[p]
	for _, r := range o.links {
		delete(c.users[r], p)
		if len(c.users[r]) == 0 {
			delete(c.users, r)
		}
		c.look(r)
	}
	o.links = slices.Concat(refersTo(c.effective(p)), refersTo(o.realised), refersTo(o.tried))
	for _, r := range o.links {
		if c.users[r] == nil {
			c.users[r] = map[network.Path]bool{}
		}
		c.users[r][p] = true
	}
	for user := range c.users[p] {
		c.look(user)
	}
}

// look has Advance look at an object, if there is one.
func (c *Core) look(p network.Path) {
	if c.objects[p] != nil {
		c.dirty.put(p, 0)
	}
}

// blocked names what an object waits for; empty: nothing. What the site does not know of, such
// as a network that objects of its own are said to be in, is not waited for.
func (c *Core) blocked(p network.Path) network.Path {
	if wanted := c.effective(p); wanted != nil {
		for _, r := range refersTo(wanted) {
			if o := c.objects[r]; o != nil && c.effective(r) != nil && o.failed != Drifted && (o.task != "" || c.differs(r)) {
				return r
			}
		}
		return ""
	}
	for _, user := range slices.Sorted(maps.Keys(c.users[p])) {
		if c.keeps(user, p) {
			return user
		}
	}
	return ""
}

// keeps tells whether an object, as it is or is about to be at the site, refers to another.
func (c *Core) keeps(user, p network.Path) bool {
	o := c.objects[user]
	return slices.Contains(refersTo(o.realised), p) || o.task != "" && slices.Contains(refersTo(o.tried), p)
}

// held tells whether an object waits for another. Unlike blocked it does not look for the first
// one: a network that is removed may have 100,000 users.
func (c *Core) held(p network.Path) bool {
	if c.effective(p) != nil {
		return c.blocked(p) != ""
	}
	for user := range c.users[p] {
		if c.keeps(user, p) {
			return true
		}
	}
	return false
}
