package lease

import (
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

const (
	// beatsPerTTL and slowestBeat set the time between heartbeats, and between
	// registrations until one is answered: 1 s for the TTL of 5 s and longer.
	beatsPerTTL = 5
	slowestBeat = 1000
	// startedAfter: an attempt that ends sooner is never reported as started,
	// which halves the reports of short tasks.
	startedAfter = 100
	// settleWithin is how long a stopped handler may take to end before its
	// attempt is reported without it.
	settleWithin = 2000
)

// State is where an engine is in its life; see the package's diagram.
type State uint8

const (
	// Adrift: it has no lease, at first or any more, and waits for Register.
	Adrift State = iota
	// Registering: the scheduler was told of it and has not answered yet.
	Registering
	// Ready: it may be given work.
	Ready
	// Draining: it takes no new work and ends what it holds.
	Draining
	// Departed: it ended by its own will.
	Departed
	// Refused: it ended because the scheduler knows better; see Err.
	Refused
)

// String names the state.
func (s State) String() string {
	return [...]string{"adrift", "registering", "ready", "draining", "departed", "refused"}[min(s, Refused)]
}

// Settings are what a holder is told once.
type Settings struct {
	// Engine holds what the engine says of itself. Incarnation and
	// AssignmentsFrom are filled in at each registration.
	Engine *events.Engine
	// Reports is the topic that the scheduler echoes, Events that of the pools'
	// logs, of which heartbeats say how far they were read.
	Reports, Events string
	// TTL of the lease in milliseconds, as the scheduler counts it. The engine
	// gives up a fifth earlier.
	TTL int64
}

// Holder holds an engine's lease and attempts. It is not for concurrent use.
// The slice of actions that a method returns is valid until the next call.
type Holder struct {
	engine    *events.Engine
	kinds     map[string]bool
	reports   string
	partition int32
	log       string // the pool's, as marks name it
	patience  int64
	beatEvery int64

	state     State
	err       error
	now       int64 // of the latest call
	reached   int64 // when the latest acknowledged beat was sent
	nextBeat  int64
	next      int64 // offset of tasks.assignments to read on from
	serial    uint64
	marks     marks
	recovered recovered
	again     bool             // adrift because what was read need not count
	insisted  bool             // it registers once more although it was refused
	slept     bool             // registering: nobody called for longer than a lease lasts
	echoed    int64            // when the latest echo was read; 0: never
	measured  map[string]int64 // what is used, as last told; never changed in place
	counts    Counts

	held      map[events.Token]*Attempt
	promised  map[string]int64          // to those held
	queue     []*Attempt                // those held that wait for room, and some that are over
	stopping  map[events.Token]*Attempt // over, but for their handlers
	used      map[string]int64          // by handlers
	lastToken events.Token
	young     []*Attempt // not yet reported as started, in order of their beginning
	quiet     []*Attempt // told of their progress lately, in order of quietUntil
	writing   []*Attempt // have output to report, in order of when that is due
	due       int64      // nothing is to be done about any attempt earlier
	graceEnds int64      // draining: when handlers are stopped

	out []Action
}

// Counts are what a holder met since it was made.
type Counts struct {
	// Started, Finished, Refused and Cancelled count attempts; cancelled ones
	// are those that the scheduler ended.
	Started, Finished, Refused, Cancelled uint64
	// Repeated counts records that were read again; Malformed those that could
	// not be understood; Foreign those of other incarnations.
	Repeated, Malformed, Foreign uint64
	// Lost counts how often the lease was lost.
	Lost uint64
	// Abandoned counts handlers that did not heed their end.
	Abandoned uint64
}

// Status is a view of a holder for people and metrics.
type Status struct {
	State       State
	Incarnation events.Incarnation
	// Running counts attempts held; Stopping counts handlers that were told to
	// end, have not, and run for none of those.
	Running, Stopping int
	// Echoed is when the scheduler was last seen alive; 0: never.
	Echoed int64
	Counts Counts
}

// New makes a holder that waits for its first Register.
func New(s Settings) *Holder {
	partition := events.PoolPartition(events.Pool(s.Engine.Pool))
	h := &Holder{
		engine:    proto.CloneOf(s.Engine),
		kinds:     make(map[string]bool, len(s.Engine.Kinds)),
		reports:   s.Reports,
		partition: partition,
		log:       s.Events + "/" + strconv.Itoa(int(partition)),
		patience:  s.TTL - s.TTL/5,
		beatEvery: min(s.TTL/beatsPerTTL, slowestBeat),
		marks:     marks{},
		recovered: recovered{},
		held:      map[events.Token]*Attempt{},
		stopping:  map[events.Token]*Attempt{},
		promised:  map[string]int64{},
		used:      map[string]int64{},
	}
	slices.Sort(h.engine.Kinds)
	for _, k := range h.engine.Kinds {
		h.kinds[k] = true
	}
	return h
}

// Status returns the view as of the latest call.
func (h *Holder) Status() Status {
	return Status{
		State: h.state, Incarnation: events.Incarnation(h.engine.Incarnation),
		Running: len(h.held), Stopping: len(h.stopping), Echoed: h.echoed, Counts: h.counts,
	}
}

// Err says why the holder is Refused; nil otherwise.
func (h *Holder) Err() error { return h.err }

// Next is the offset of tasks.assignments to read on from.
func (h *Holder) Next() int64 { return h.next }

// Register begins a life under a new incarnation that reads tasks.assignments
// from the offset. Incarnations of later calls must be greater than those of
// earlier ones. Marks of what was read stay. It does nothing while the lease is
// held.
func (h *Holder) Register(now int64, i events.Incarnation, from int64) []Action {
	h.out = h.out[:0]
	if h.state != Adrift {
		return nil
	}
	h.now = max(h.now, now)
	h.state, h.again, h.slept = Registering, false, false
	h.reached = h.now
	h.next = max(h.next, from)
	h.engine.Incarnation = string(i)
	h.engine.AssignmentsFrom = h.next
	h.serial = 0
	h.beat()
	return h.out
}

// Drain makes the engine leave: it takes no new work, and what still runs after
// the grace period (ms) is stopped and handed back. A later call can only
// shorten the grace period.
func (h *Holder) Drain(now, grace int64) []Action {
	h.begin(now)
	switch h.state {
	case Adrift:
		h.depart()
	case Registering, Ready:
		h.state = Draining
		h.graceEnds = h.now + grace
		h.leaving(false)
		h.handBackAll()
		h.overdue()
	case Draining:
		h.graceEnds = min(h.graceEnds, h.now+grace)
		h.overdue()
	}
	return h.out
}

// begin starts a call: it takes the time and looks whether the lease still
// holds, before anything is done by virtue of it.
func (h *Holder) begin(now int64) {
	h.out = h.out[:0]
	gap := now - h.now
	h.now = max(h.now, now)
	if h.state == Registering && gap > h.patience {
		h.slept = true
	}
	if h.state != Ready && h.state != Draining {
		return
	}
	if gap > h.patience {
		h.lose(fmt.Sprintf("paused for %d ms", gap))
	} else if silent := h.now - h.reached; silent > h.patience {
		h.lose(fmt.Sprintf("the broker acknowledged no heartbeat for %d ms", silent))
	}
}

// lose gives up everything that was held by virtue of the lease.
func (h *Holder) lose(reason string) {
	h.counts.Lost++
	h.drop(Lost)
	if h.state == Draining {
		h.state = Departed
		h.act(Action{Verb: Depart, Reason: reason})
		return
	}
	h.state = Adrift
	h.act(Action{Verb: RegisterAnew, Reason: reason})
}

// refuse ends this engine: its ID belongs to another, or it is not wanted.
func (h *Holder) refuse(err error) {
	h.drop(Lost)
	h.state, h.err = Refused, err
	h.act(Action{Verb: Depart, Reason: err.Error()})
}

// drop stops and forgets all attempts.
func (h *Holder) drop(cause Cause) {
	for _, token := range sorted(h.held) {
		a := h.held[token]
		if a.handler == runs {
			h.stop(a, cause)
		}
		h.forget(a)
	}
	h.young, h.quiet, h.queue, h.writing = h.young[:0], h.quiet[:0], h.queue[:0], h.writing[:0]
}

// depart announces the departure, if anybody was told of the arrival.
func (h *Holder) depart() {
	if h.state == Draining {
		h.leaving(true)
	}
	h.state = Departed
	h.act(Action{Verb: Depart, Reason: "drained"})
}

// sorted lists the tokens of attempts, ascending.
func sorted(of map[events.Token]*Attempt) []events.Token {
	if len(of) == 0 {
		return nil
	}
	all := make([]events.Token, 0, len(of))
	for t := range of {
		all = append(all, t)
	}
	slices.Sort(all)
	return all
}

func (h *Holder) act(a Action) { h.out = append(h.out, a) }

func (h *Holder) send(m proto.Message, beat bool) { h.report(Report{Message: m, Beat: beat}) }

// report sends what is said of an attempt, or of the engine.
func (h *Holder) report(r Report) {
	h.serial++
	var room [64]byte // more than it takes
	id := strconv.AppendUint(append(append(room[:0], h.engine.Incarnation...), '/'), h.serial, 10)
	r.ID, r.SentAt = string(id), h.now
	h.act(Action{Verb: Send, Report: r})
}

func (h *Holder) leaving(departed bool) {
	h.send(&events.EngineLeaving{
		EngineId: h.engine.Id, Incarnation: h.engine.Incarnation, Pool: h.engine.Pool, Departed: departed,
	}, false)
}
