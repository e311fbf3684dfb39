package links

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// Core is the state of replication.links. It is for one goroutine.
type Core struct {
	links    map[string]Link
	groups   map[string]Group
	restarts int64 // how often copies were begun anew
}

var _ sharedlog.Core = (*Core)(nil)

// New returns the state of an empty log.
func New() *Core { return &Core{links: map[string]Link{}, groups: map[string]Group{}} }

// Links returns all links by name.
func (c *Core) Links() []Link {
	return slices.SortedFunc(maps.Values(c.links), func(a, b Link) int { return cmp.Compare(a.Name, b.Name) })
}

// Groups returns all groups by name.
func (c *Core) Groups() []Group {
	return slices.SortedFunc(maps.Values(c.groups), func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
}

// Link finds a link.
func (c *Core) Link(name string) (Link, bool) {
	l, ok := c.links[name]
	return l, ok
}

// Group finds a group.
func (c *Core) Group(name string) (Group, bool) {
	g, ok := c.groups[name]
	return g, ok
}

// Same finds another link that copies the same to the same place.
func (c *Core) Same(s Spec) (Link, bool) {
	s = s.filled()
	for _, l := range c.Links() {
		if l.Name != s.Name && l.same(&s) {
			return l, true
		}
	}
	return Link{}, false
}

// Decide implements sharedlog.Core.
func (c *Core) Decide(call *sharedlog.Call) events.Code {
	at := call.Offset + 1
	switch m := call.Message.(type) {
	case *events.ReplicationLinkDeclared:
		return c.declare(m, at)
	case *events.ReplicationLinkPaused:
		return c.pause(m, at)
	case *events.ReplicationLinkResumed:
		return c.resume(m, at)
	case *events.ReplicationLinkDeleted:
		if _, ok := c.links[m.Link]; !ok {
			return events.CodeUnknownLink
		}
		delete(c.links, m.Link)
	case *events.ReplicationGroupDeclared:
		return c.group(m, at)
	case *events.ReplicationGroupDeleted:
		if _, ok := c.groups[m.Group]; !ok {
			return events.CodeUnknownGroup
		}
		delete(c.groups, m.Group)
	case nil:
		return events.CodeBadData
	default:
		return events.CodeUnknownType
	}
	return ""
}

func (c *Core) declare(m *events.ReplicationLinkDeclared, at int64) events.Code {
	s := SpecOf(m.Link)
	if s.check() != nil {
		return events.CodeBadData
	}
	l, there := c.links[s.Name]
	_, same := c.Same(s)
	switch {
	case m.Expect < -1:
		return events.CodeBadData
	case m.Expect == -1 && there:
		return events.CodeLinkExists
	case m.Expect > 0 && l.Revision != m.Expect:
		return events.CodeStaleRevision
	case same:
		return events.CodeLinkConflict
	case !there && len(c.links) >= MaxLinks:
		return events.CodeBadCount
	case !there:
		l.Since, l.DeclaredMs = at, m.AtMs
	case l.Source != s.Source || l.Prefix != s.Prefix:
		l.Resumed = nil
	}
	l.Spec, l.Revision = s, at
	c.links[s.Name] = l
	return ""
}

func (c *Core) pause(m *events.ReplicationLinkPaused, at int64) events.Code {
	l, ok := c.links[m.Link]
	switch {
	case !ok:
		return events.CodeUnknownLink
	case events.CheckOptionalID("the reason", m.Reason) != nil, m.FailOver < 0:
		return events.CodeBadData
	case m.FailOver > 0:
		l.FailedOver, l.FailOvers, l.NoLinkBack = true, max(l.FailOvers, m.FailOver), m.NoLinkBack
	}
	l.Paused, l.Reason, l.Revision = true, m.Reason, at
	c.links[m.Link] = l
	return ""
}

func (c *Core) group(m *events.ReplicationGroupDeclared, at int64) events.Code {
	g := Group{Name: m.Group, Topics: m.Topics, Sites: m.Sites, Revision: at}
	_, there := c.groups[g.Name]
	switch {
	case g.Check() != nil:
		return events.CodeBadData
	case !there && len(c.groups) >= MaxGroups:
		return events.CodeBadCount
	}
	c.groups[g.Name] = g
	return ""
}

// Pass implements sharedlog.Core: nothing of a link ends by time.
func (c *Core) Pass(int64, int64) {}

// Due implements sharedlog.Core.
func (c *Core) Due() int64 { return math.MaxInt64 }

// Floor implements sharedlog.Core: nothing in the log is referred to.
func (c *Core) Floor() int64 { return math.MaxInt64 }
