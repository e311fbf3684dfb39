package idspace

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// Limits of the wire.
const (
	// MaxIdentifier is the last identifier that a space can have: JSON holds all up to it
	// without loss.
	MaxIdentifier = 1<<53 - 1
	// MaxMs bounds leases and quarantine.
	MaxMs = 1 << 53
	// MaxEnded is how many request IDs of a space are remembered of which the grants have
	// ended and rested.
	MaxEnded = 100_000
)

// Core is the state of one partition of ids.events. It is for one goroutine.
type Core struct {
	spaces map[string]*Space // deleted ones, too, while their ranges rest
	now    int64             // the time of the log
	// begun are the leases and rests that run; waiting are those that begin with the
	// next move of the time.
	begun, waiting timers
	maxEnded       int
	restored       bool // and nothing was folded since
}

var _ sharedlog.Core = (*Core)(nil)

// New returns the state of an empty log.
func New() *Core { return &Core{spaces: map[string]*Space{}, maxEnded: MaxEnded} }

// Space returns a space; nil if there is none. It may be looked at until the next call is
// decided or time passes.
func (c *Core) Space(name string) *Space {
	if s := c.spaces[name]; s != nil && !s.deleted {
		return s
	}
	return nil
}

// Deleted returns the rules of a space that was deleted, and of which ranges still rest.
func (c *Core) Deleted(name string) (Rules, bool) {
	if s := c.spaces[name]; s != nil && s.deleted {
		return s.rules, true
	}
	return Rules{}, false
}

// Spaces gives all spaces in the order of their names.
func (c *Core) Spaces() iter.Seq[*Space] {
	return func(yield func(*Space) bool) {
		for _, s := range c.sorted() {
			if !s.deleted && !yield(s) {
				return
			}
		}
	}
}

func (c *Core) sorted() []*Space {
	return slices.SortedFunc(maps.Values(c.spaces), func(a, b *Space) int { return cmp.Compare(a.rules.Name, b.rules.Name) })
}

// Decide implements sharedlog.Core.
func (c *Core) Decide(call *sharedlog.Call) events.Code {
	c.resume(call.Offset)
	switch m := call.Message.(type) {
	case *events.IdsSpaceDeclared:
		return c.declare(m, call.Offset)
	case *events.IdsSpaceGrown:
		return c.grow(m)
	case *events.IdsSpaceDeleted:
		return c.delete(m, call.Offset)
	case *events.IdsRangeGranted:
		return c.grant(m, call.Offset)
	case *events.IdsRangesGranted:
		return c.grantAll(m, call.Offset)
	case *events.IdsGrantRenewed:
		return c.renew(m)
	case *events.IdsRangeReleased:
		return c.release(m, call.Offset)
	case *events.IdsAnswered:
		return c.answered(m.Space, m)
	case *events.IdsRangesAnswered:
		return c.answeredAll(m)
	}
	return events.CodeBadData
}

// Pass implements sharedlog.Core: what waits begins, and what is due ends.
func (c *Core) Pass(now, offset int64) {
	c.resume(offset)
	c.now = now
	c.begin()
	for c.begun.Len() > 0 && c.begun[0].at <= now {
		switch t := c.begun.pop(); {
		case t.grant != nil:
			c.endGrant(t.grant, offset)
		default:
			c.rested(t.rest, offset)
		}
	}
	c.begin() // The rests of the leases that ended.
}

// begin has what waits begin now.
func (c *Core) begin() {
	for c.waiting.Len() > 0 {
		t := c.waiting.pop()
		t.at, t.begun = c.now+t.at, true
		c.begun.push(t)
	}
}

// Due implements sharedlog.Core.
func (c *Core) Due() int64 {
	due := int64(math.MaxInt64)
	if c.begun.Len() > 0 {
		due = c.begun[0].at
	}
	if c.waiting.Len() > 0 {
		due = min(due, c.now+max(1, c.waiting[0].at/16))
	}
	return due
}

// Floor implements sharedlog.Core: nothing in the log is referred to.
func (c *Core) Floor() int64 { return math.MaxInt64 }

// answered judges what an allocator told a requester. It changes nothing, whatever the
// verdict.
func (c *Core) answered(space string, m *events.IdsAnswered) events.Code {
	if m.Granted == nil {
		return ""
	}
	return c.told(space, m, m.Granted.Space, m.Granted.RequestId)
}

// answeredAll judges answers that stand together: what is granted in one has the space of
// the record and the request ID of the answer.
func (c *Core) answeredAll(m *events.IdsRangesAnswered) (code events.Code) {
	for _, a := range m.Answers {
		if a.GetGranted() != nil {
			code = cmp.Or(code, c.told(m.Space, a, m.Space, a.RequestId))
		}
	}
	return code
}

// told judges what an answer says of a grant, which is named by its space and request ID.
func (c *Core) told(space string, m *events.IdsAnswered, of, id string) events.Code {
	s := c.Space(space)
	if s == nil {
		return ""
	}
	g, said := s.grants[m.RequestId], m.Granted
	if g == nil || of != space || id != g.id || said.Owner != g.owner || said.From != g.from || said.To != g.to || said.Generation != g.generation {
		return events.CodeFalseAnswer
	}
	return ""
}
