package allocator

import (
	"fmt"
	"math"
	"strings"

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
		return out
	}
	rules := s.Rules()
	grant, _ := s.Grant(c.requestID)
	reserve, _ := c.call.(*events.IdsRangeGranted)
	_, release := c.call.(*events.IdsRangeReleased)
	switch {
	case v.Code == events.CodeBadCount:
		out.most = rules.MaxCount
	case v.Code == events.CodeNotOwner:
		out.known = fmt.Sprintf("owner %q", grant.Owner)
	case v.Code == events.CodeOutOfBounds && release:
		out.known = fmt.Sprintf("the grant of request ID %q has the identifiers %d to %d", c.requestID, grant.From, grant.To)
	case v.Code == events.CodeOutOfBounds:
		out.known = fmt.Sprintf("space %q has the identifiers %d to %d", c.space, rules.From, rules.To)
	case v.Code == events.CodeSpaceHeld:
		out.known = named(s, 0, math.MaxInt64, false)
	case v.Code == events.CodeRangeTaken && reserve != nil:
		out.known = named(s, reserve.From, reserve.To, true)
	}
	return out
}

// named names ranges between two identifiers that are live, or rest as well.
func named(s *idspace.Space, from, to int64, resting bool) string {
	var names []string
	looked := 0
	for r := range s.Ranges(from) {
		looked++
		switch {
		case r.From > to:
			return strings.Join(names, ", ")
		case len(names) == maxNamed, looked > maxLooked:
			return strings.Join(append(names, "and others"), ", ")
		case r.Grant == nil:
		case r.State == idspace.Live:
			names = append(names, fmt.Sprintf("%d-%d by owner %q (request ID %q)", r.From, r.To, r.Grant.Owner, r.Grant.RequestID))
		case resting && r.State == idspace.Resting:
			names = append(names, fmt.Sprintf("%d-%d rests", r.From, r.To))
		}
	}
	return strings.Join(names, ", ")
}
