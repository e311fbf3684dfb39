package allocator

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
)

// handle has the commands of one message decided, and returns when their answers are in
// the log. It does
// nothing itself: for each message there is a fresh goroutine, whose stack would have to
// grow.
func (s *Service) handle(msg *message.Message) error {
	m := &incoming{ctx: msg.Context(), told: make(chan error, 1)}
	s.intake.put(m)
	select {
	case err := <-m.told:
		return err
	case <-m.ctx.Done(): // It comes again, here or elsewhere.
		return m.ctx.Err()
	}
}

// partition is one of the log of grants.
type partition struct {
	*granter
	host *sharedlog.Host
	// declaring is held while a declaration that leaves rules as they are is decided: else
	// it would put back what another one, which this process decides, has just changed.
	declaring sync.Mutex
}

// decide has the fold decide a command that is not for a range which must be proposed, and
// has it answered.
func (p *partition) decide(r *request) {
	var out outcome
	if r.keep != nil {
		p.declaring.Lock()
		defer p.declaring.Unlock()
		if err := p.keepRules(r); err != nil {
			p.finish(outcome{err: err}, r)
			return
		}
	}
	stamp(r.call, p.now().UnixMilli())
	v, err := p.host.Call(r.ctx, r.call, func(core sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict) {
		out = p.told(core.(*idspace.Core), r.command, v)
	})
	var unknown *sharedlog.UnknownError
	if errors.As(err, &unknown) && r.ctx.Err() == nil {
		v, err = p.host.Resolve(r.ctx, unknown.Call)
		out = outcome{code: v.Code, offset: v.Offset}
	}
	if err != nil {
		out.err = err
	}
	p.finish(out, r)
}

// keepRules has a declaration leave the rules of a space as they are where it says nothing.
func (p *partition) keepRules(r *request) error {
	return p.host.Read(r.ctx, true, func(core sharedlog.Core, _ sharedlog.Position) {
		if s := core.(*idspace.Core).Space(r.space); s != nil {
			r.keep(s.Rules())
		}
	})
}

// errEnded has a command come again: then the fold says what became of its grant.
var errEnded = errors.New("its grant was accepted, and has ended since")

// told is the outcome of a call, from the fold at that moment.
func (p *partition) told(core *idspace.Core, c command, v sharedlog.Verdict) outcome {
	grant, ok := held(core, c.space, c.requestID)
	switch c.call.(type) {
	case *events.IdsRangeGranted:
		if v.Accepted() || v.Code == events.CodeAlreadyGranted {
			if !ok {
				return outcome{err: errEnded}
			}
			return outcome{granted: grant.Granted(), offset: grant.Offset, until: p.answers.until(&grant)}
		}
	case *events.IdsGrantRenewed:
		if v.Accepted() {
			return outcome{offset: v.Offset, until: p.answers.until(&grant)}
		}
	}
	return explained(core, c, v)
}

// text says why a command was refused, and what to do.
func text(c command, out outcome) string {
	switch out.code {
	case "":
		return ""
	case events.CodeUnknownSpace:
		return fmt.Sprintf("there is no space %q; create it first", c.space)
	case events.CodeBadCount:
		most := "what the space allows"
		if out.most > 0 {
			most = fmt.Sprint(out.most)
		}
		return fmt.Sprintf("%d identifiers: a grant of space %q has 1 to %s", c.count, c.space, most)
	case events.CodeExhausted:
		return fmt.Sprintf("space %q has no free range of %d identifiers: %d of %d are free, at most %d in a row; release ranges, or grow the space",
			c.space, c.count, out.room.GetFree(), out.room.GetSize(), out.room.GetLargestFree())
	case events.CodeStoreUnavailable:
		return "the allocator cannot use Redis, and has granted nothing; ask again with the same request ID, and see /readyz of the allocator for why"
	case events.CodeRequestMismatch:
		return fmt.Sprintf("request ID %q has a grant that was asked for otherwise", c.requestID)
	case events.CodeNotOwner:
		return fmt.Sprintf("the grant of request ID %q is held by %s; give the owner under which it was granted", c.requestID, cmp.Or(out.known, "another owner"))
	case events.CodeGrantEnded:
		if out.ended == 0 {
			return fmt.Sprintf("that part of the grant of request ID %q was given back before", c.requestID)
		}
		return fmt.Sprintf("%s and ended at offset %d of partition %d of ids.events, where it was released or its lease ended; others may hold them now: a new range needs another request ID",
			out.known, out.ended, events.SpacePartition(c.space))
	case events.CodeUnknownGrant:
		return fmt.Sprintf("request ID %q has no grant in space %q", c.requestID, c.space)
	case events.CodeSpaceExists:
		return fmt.Sprintf("space %q exists with other rules: %s; use it as it is; spanway id grow moves its end, and a declaration that does not create (ids.space_requested without create) changes the others",
			c.space, cmp.Or(out.known, "spanway id show tells them"))
	case events.CodeRangeTaken:
		if _, declares := c.call.(*events.IdsSpaceDeclared); declares {
			return fmt.Sprintf("%s: give bounds that have all of these, or wait until their quarantine has ended",
				cmp.Or(out.known, fmt.Sprintf("space %q was deleted, and some of its identifiers rest", c.space)))
		}
		return fmt.Sprintf("some of these identifiers of space %q are held, or rest: %s; spanway id show SPACE/ID says since when", c.space, cmp.Or(out.known, "ask again"))
	case events.CodeOutOfBounds:
		bounds := cmp.Or(out.known, fmt.Sprintf("spanway id show %s tells the bounds", c.space))
		switch c.call.(type) {
		case *events.IdsRangeGranted, *events.IdsRangeReleased:
			return bounds
		}
		return fmt.Sprintf("%s; bounds never become narrower, and end at %d at most", bounds, int64(idspace.MaxIdentifier))
	case events.CodeSpaceHeld:
		return fmt.Sprintf("ranges of space %q are held: %s; release them, or delete it by force", c.space, cmp.Or(out.known, "spanway id show SPACE --ranges names them"))
	}
	if c.bad != nil {
		return c.bad.Message
	}
	return strings.ToLower(strings.ReplaceAll(string(out.code), "_", " "))
}
