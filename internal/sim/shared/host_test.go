package shared

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// host follows the log, makes calls for its users, and answers them from the fold. It is
// one life of a node's process.
type host struct {
	*story
	name     string
	process  *sim.Process
	log      *sim.Handle // to append with
	reads    *sim.Reads
	follower *eventlog.Follower
	fold     *fold
	// next is from where it reads the next page; term that of the newest page, or -1.
	next, term int64
	keeper     *keeper

	waiting []*call // without verdict, the oldest first
	unknown []*call // that are not waited for: their users ask again
	// gone: another life of the node has followed.
	gone bool
}

// live is the life of a host: it follows for ever.
func (s *story) live(name string) func(p *sim.Process) {
	return func(p *sim.Process) {
		for _, before := range s.hosts {
			before.gone = before.gone || before.name == name
		}
		h := &host{story: s, name: name, process: p, log: s.log.Open(p), term: -1}
		h.reads = sim.NewReads(s.log.Open(p), s.chance, &s.over)
		h.reads.Termless = s.mutant.termless
		h.follower = eventlog.NewFollower(eventlog.FollowerConfig{
			Log: h.reads, Topic: topic, Shared: true, Now: p.World.Now,
			NewFold:   func() eventlog.Fold { return s.newFold() },
			Snapshots: s.store(sim.NewReads(s.snapshots.Open(p), s.chance, &s.over)),
			Hooks:     eventlog.FollowerHooks{Began: h.began, Stepped: h.stepped},
		})
		if name == "host-0" || s.world.Chance(0.5) { // There is one at least, when it is up.
			h.keeper = newKeeper(h)
		}
		s.hosts = append(s.hosts, h)
		h.plan(h.use)
		for {
			pause := s.world.Between(0, 10*time.Millisecond)
			if err := h.follower.Step(context.Background(), s.world.Between(0, 100*time.Millisecond)); err != nil {
				pause += 10 * time.Millisecond
			}
			p.Sleep(pause)
		}
	}
}

// began takes a fold that begins: calls that wait go on if it can still tell their
// verdicts.
func (h *host) began(b eventlog.Beginning) {
	h.fold, h.next, h.term = b.Fold.(*fold), b.At, -1
	h.fold.Decided, h.fold.Repeated, h.fold.Premature = h.decided, h.decided, h.premature
	h.note("%s begins at %d: %v", h.name, b.At, b.Why)
	h.begun = append(h.begun, b)
	if h.keeper != nil {
		h.keeper.pace.Moved(h.world.Now())
		h.keeper.folded()
	}
	waiting := h.waiting
	h.waiting = nil
	for _, c := range waiting {
		c.landed = -1
		h.listen(c, b.At)
	}
}

// listen waits for the verdict on a call with a fold of what is below an offset. Where
// that is a horizon behind what the call had seen, the fold may have forgotten it.
func (h *host) listen(c *call, at int64) {
	switch v, known := h.fold.Verdict(c.id); {
	case known:
		c.tell(v, h.term)
	case at-c.seen > horizon && !h.mutant.believesTooLate:
		h.forget(c)
	default:
		h.waiting = append(h.waiting, c)
		h.send(c)
	}
}

// forget gives a call up for good: nothing tells its verdict any more.
func (h *host) forget(c *call) {
	c.over, c.lost = true, true
	h.forgot++
	h.note("%s cannot tell the verdict on %v any more", h.name, c.id)
}

func (h *host) decided(c *sharedlog.Call, v sharedlog.Verdict) {
	if _, moved := c.Message.(*events.LogTimePassed); moved && v.Accepted() && h.keeper != nil {
		h.keeper.moved()
	}
	for i, w := range h.waiting {
		if w.id == callID(c.ID) {
			h.note("%s is told of %v at %d: %+v", h.name, w.id, c.Offset, v)
			h.waiting = append(h.waiting[:i:i], h.waiting[i+1:]...)
			w.tell(v, h.reads.Term(h.next))
			return
		}
	}
}

// premature: the call had seen what the log has lost since. A copy of it may be accepted later.
func (h *host) premature(c *sharedlog.Call) {
	for _, w := range h.waiting {
		if w.id == callID(c.ID) {
			h.giveUp(w)
			return
		}
	}
}

// stepped notes what the state is at an offset.
func (h *host) stepped() {
	h.term, h.next = h.reads.Term(h.next), h.follower.Next()
	h.saw(observation{h.name, h.term, h.next, xxhash.Sum64(h.fold.Snapshot(nil))})
	if h.keeper != nil {
		h.keeper.folded()
		h.keeper.snapshot()
	}
}

// call is one call of one user.
type call struct {
	id      sharedlog.CallID
	seen    int64
	message proto.Message
	record  events.Record
	host    *host
	landed  int64 // where it is known to stand; -1: not known
	// over: its user has the verdict, or knows that it will have none (lost).
	over, lost bool
	verdict    sharedlog.Verdict
	term       int64 // of the log that the verdict was read from; -1: not known
}

func (c *call) tell(v sharedlog.Verdict, term int64) {
	if !c.over {
		c.over, c.verdict, c.term = true, v, term
	}
}

// make makes a call, which seems to have been decided on all that the host has folded.
func (h *host) make(m proto.Message) *call {
	c := &call{seen: h.next, message: m, host: h, landed: -1}
	h.again(c)
	h.calls = append(h.calls, c)
	return c
}

// again makes a call under a new ID.
func (h *host) again(c *call) {
	c.id = callID(h.world.Random())
	var err error
	if c.record, err = sharedlog.Encode(events.Encoder{Source: h.name}, c.id, c.seen, c.message); err != nil {
		panic(err)
	}
	c.record.Timestamp = h.world.Now().UnixMilli()
	h.waiting = append(h.waiting, c)
	h.send(c)
}

// send appends a call, and again until there is a verdict; not while it is known to stand
// where the fold has still to come.
func (h *host) send(c *call) {
	if c.over || !h.waits(c) {
		return
	}
	if c.landed < h.next {
		h.log.Send([]events.Record{c.record}, func(base int64) {
			c.landed = base
			if h.mutant.trustsAcks {
				c.tell(sharedlog.Verdict{Offset: base}, -1)
			}
		})
	}
	h.process.After(h.world.Between(100*time.Millisecond, 300*time.Millisecond), func() { h.send(c) })
}

func (h *host) waits(c *call) bool {
	for _, w := range h.waiting {
		if w == c {
			return true
		}
	}
	return false
}

// giveUp is the end of a user's patience: the outcome is unknown.
func (h *host) giveUp(c *call) {
	for i, w := range h.waiting {
		if w == c {
			h.waiting = append(h.waiting[:i:i], h.waiting[i+1:]...)
			h.unknown = append(h.unknown, c)
		}
	}
}

// resolve asks for the outcome of the calls that were given up.
func (h *host) resolve() {
	unknown := h.unknown
	h.unknown = nil
	for _, c := range unknown {
		if h.mutant.freshIDs {
			c.seen = h.next
			h.again(c)
			continue
		}
		h.listen(c, h.next)
	}
}

// plan lets something happen soon, again and again, for as long as the process lives.
func (h *host) plan(do func()) {
	h.process.After(h.world.Between(5*time.Millisecond, 60*time.Millisecond), func() {
		if h.fold != nil && h.follower.End()-h.next < horizon/2 { // Else what it asks comes too late.
			do()
		}
		h.plan(do)
	})
}

// end reads to the end of the log.
func (h *host) end() error {
	err := h.follower.Barrier(context.Background())
	var gap *eventlog.OvertakenError
	if errors.As(err, &gap) {
		err = h.follower.Barrier(context.Background())
	}
	return err
}

// never is a time that does not come.
const never = math.MaxInt64
