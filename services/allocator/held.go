package allocator

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
)

const (
	// maxNamed is how many ranges a refusal names, maxLooked how many are looked at to find
	// them: the fold stands still meanwhile.
	maxNamed  = 5
	maxLooked = 1000
)

// explained is the outcome of a call that was not granted, with what the fold knows at that
// moment of why.
func explained(core *idspace.Core, c command, v sharedlog.Verdict) outcome {
	out := outcome{code: v.Code, offset: v.Offset}
	s := core.Space(c.space)
	if s == nil {
		if was, rests := core.Deleted(c.space); rests {
			out.known = fmt.Sprintf("space %q with the identifiers %d to %d was deleted, and some of them rest", c.space, was.From, was.To)
		}
		return out
	}
	rules := s.Rules()
	grant, _ := s.Grant(c.requestID)
	reserve, _ := c.call.(*events.IdsRangeGranted)
	_, release := c.call.(*events.IdsRangeReleased)
	switch {
	case v.Code == events.CodeBadCount:
		out.most = rules.MaxCount
	case v.Code == events.CodeSpaceExists:
		if m, ok := c.call.(*events.IdsSpaceDeclared); ok {
			out.known = differ(rules, m)
		}
	case v.Code == events.CodeNotOwner:
		out.known = fmt.Sprintf("owner %q", grant.Owner)
	case v.Code == events.CodeGrantEnded && grant.Live == 0:
		out.ended = grant.Ended
		out.known = fmt.Sprintf("the grant of request ID %q had the identifiers %d to %d", c.requestID, grant.From, grant.To)
	case v.Code == events.CodeOutOfBounds && release:
		out.known = fmt.Sprintf("the grant of request ID %q has the identifiers %d to %d", c.requestID, grant.From, grant.To)
	case v.Code == events.CodeOutOfBounds:
		out.known = fmt.Sprintf("space %q has the identifiers %d to %d", c.space, rules.From, rules.To)
	case v.Code == events.CodeSpaceHeld:
		out.inTheWay = between(s, 0, math.MaxInt64, false)
		out.more = s.Room().Live - out.identifiers()
		out.known = out.String()
	case v.Code == events.CodeRangeTaken && reserve != nil:
		out.inTheWay = between(s, reserve.From, reserve.To, true)
		out.known = out.String()
	}
	return out
}

// differ names the rules of a space that a declaration gives otherwise, with both values.
func differ(has idspace.Rules, m *events.IdsSpaceDeclared) string {
	var all []string
	for _, rule := range []struct {
		text      string
		is, other any
	}{
		{"its first identifier is %v", has.From, m.From},
		{"its last identifier is %v", has.To, m.To},
		{"a released range rests for %v", time.Duration(has.QuarantineMs) * time.Millisecond, time.Duration(m.QuarantineMs) * time.Millisecond},
		{"a grant has at most %v", has.MaxCount, m.MaxCount},
	} {
		if rule.is != rule.other {
			all = append(all, fmt.Sprintf(rule.text+", not %v", rule.is, rule.other))
		}
	}
	return strings.Join(all, "; ")
}

// inTheWay is what holds identifiers that a command needs: some ranges, and how many
// identifiers more.
type inTheWay struct {
	held []*events.IdsHeld
	more int64
}

// between finds the ranges between two identifiers that are live, or rest as well.
func between(s *idspace.Space, from, to int64, resting bool) (w inTheWay) {
	looked := 0
	for r := range s.Ranges(from) {
		if looked++; r.From > to || looked > maxLooked {
			break
		}
		rests := r.State == idspace.Resting
		switch {
		case r.Grant == nil, rests && !resting:
		case len(w.held) < maxNamed:
			w.held = append(w.held, &events.IdsHeld{From: r.From, To: r.To, Owner: r.Grant.Owner, RequestId: r.Grant.RequestID, Resting: rests})
		default:
			w.more += r.To - r.From + 1
		}
	}
	return w
}

// identifiers is how many those ranges have that are named.
func (w *inTheWay) identifiers() (n int64) {
	for _, h := range w.held {
		n += h.To - h.From + 1
	}
	return n
}

// String names the ranges to people.
func (w *inTheWay) String() string {
	var names []string
	for _, h := range w.held {
		if h.Resting {
			names = append(names, fmt.Sprintf("%d-%d rests", h.From, h.To))
			continue
		}
		names = append(names, fmt.Sprintf("%d-%d by owner %q (request ID %q)", h.From, h.To, h.Owner, h.RequestId))
	}
	if len(names) > 0 && w.more > 0 {
		names = append(names, fmt.Sprintf("and %d identifiers more", w.more))
	}
	return strings.Join(names, ", ")
}
