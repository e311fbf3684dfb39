package placement

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

// failer is a test, or a check of a property.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// world drives a State as the owner's runtime does, without logs: every event
// is applied when it is emitted, and folded by a second State as well.
type world struct {
	tb      failer
	cfg     Config
	state   *State
	replica *State // nil: none
	prep    *Preparer
	now     int64
	offset  int64
	// batch is where the batch that is being decided begins; 0: each event stands.
	batch   int64
	inputs  int64
	log     []events.Logged
	keep    bool
	onEvent func(events.Logged)
	// judge is called before the replica folds an event.
	judge func(events.Logged)
	// decided is called after each decision with what was asked, and where in the
	// log its events begin.
	decided func(do func(*State, func(proto.Message)), before int)
	// failedOver is called after another State took over.
	failedOver func()
	asleep     sleep
}

// sleep is what a State said of when it is to be woken, and what it knew.
type sleep struct {
	state          *State
	inputs, offset int64
	now, readTo    int64
}

const blue = "blue"

func newWorld(tb testing.TB, cfg Config) *world {
	cfg.Partition = events.PoolPartition(blue)
	cfg.defaults()
	w := &world{tb: tb, cfg: cfg, state: New(cfg), replica: New(cfg), prep: NewPreparer(cfg), now: 1_000_000, keep: true}
	w.advance()
	return w
}

func (w *world) clock() events.Clock { return events.Clock{Now: w.now, ReadTo: w.now, Batch: w.batch} }

func (w *world) emit(m proto.Message) {
	l := events.Logged{Offset: w.offset, Epoch: 1, N: uint32(w.offset), Type: events.TypeOf(m), Message: m}
	w.offset++
	w.state.Apply(l)
	if w.judge != nil {
		w.judge(l)
	}
	if w.replica != nil {
		l.Message = proto.Clone(m)
		w.replica.Apply(l)
	}
	if w.keep {
		w.log = append(w.log, l)
	}
	if w.onEvent != nil {
		w.onEvent(l)
	}
}

// publish does what the runtime does with what Publish gives: it fetches what
// stands in the log only.
func (w *world) publish(s *State, l events.Logged) (events.Outgoing, bool) {
	out, ok := s.caused(l)
	if out.Missing != 0 {
		at := w.log[out.Missing]
		if at.Offset != out.Missing {
			w.tb.Fatalf("offset %d is not in the log", out.Missing)
		}
		if err := out.Complete(at.Message); err != nil {
			w.tb.Fatal(err)
		}
	}
	return out, ok
}

// advance has the State do all that is due. If it said that nothing is left, it must
// find nothing when it is asked again at the same time.
func (w *world) advance() {
	early := w.sleeps()
	for i, more := 0, true; more; i++ {
		w.decide(func(s *State, emit func(proto.Message)) {
			more = s.Advance(w.clock(), func(m proto.Message) {
				if early {
					w.tb.Fatalf("at %d it does this, and said %+v: %s %v", w.now, w.asleep, events.TypeOf(m), m)
				}
				emit(m)
			})
		})
		if i > 100_000 {
			w.tb.Fatal("Advance never ends")
		}
	}
	w.decide(func(s *State, _ func(proto.Message)) {
		s.Advance(w.clock(), func(m proto.Message) {
			w.tb.Fatalf("Advance said that nothing was left, and does this with nothing between: %s %v", events.TypeOf(m), m)
		})
	})
	w.asleep = sleep{state: w.state, inputs: w.inputs, offset: w.offset}
	w.asleep.now, w.asleep.readTo = w.state.Wakes()
}

// sleeps reports whether the State has nothing to do: nothing came since it said when it
// is to be woken, and that time has not come.
func (w *world) sleeps() bool {
	z := &w.asleep
	return z.state == w.state && z.inputs == w.inputs && z.offset == w.offset && w.now < z.now && w.now <= z.readTo
}

func (w *world) decide(do func(*State, func(proto.Message))) {
	before := len(w.log)
	do(w.state, w.emit)
	if w.decided != nil {
		w.decided(do, before)
	}
}

// send decides on a message as it comes over the wire.
func (w *world) send(m proto.Message) {
	typ := events.TypeOf(m)
	topic := w.cfg.Topics.Requests()
	if events.KindOf(typ) == events.Report {
		topic = w.cfg.Topics.Reports()
	}
	rec, err := events.Encoder{Source: "/test"}.Encode(fmt.Sprintf("id-%d", w.inputs), m)
	if err != nil {
		w.tb.Fatal(err)
	}
	rec.Key = []byte(blue)
	w.sendRecord(topic, &rec)
}

func (w *world) sendRecord(topic string, rec *events.Record) {
	in := events.Input[*Prepared]{Place: events.Place{Topic: topic, Partition: w.cfg.Partition, Offset: w.inputs}}
	w.inputs++
	in.Value = w.prep.Prepare(topic, w.cfg.Partition, rec)
	w.decide(func(s *State, emit func(proto.Message)) { s.Decide(in, w.clock(), emit) })
}

func (w *world) engine(id, incarnation string, allocatable map[string]int64, labels map[string]any) {
	values := map[string]*structpb.Value{}
	for k, v := range labels {
		val, err := structpb.NewValue(v)
		if err != nil {
			w.tb.Fatal(err)
		}
		values[k] = val
	}
	w.send(&events.EngineRegistration{Engine: &events.Engine{
		Id: id, Incarnation: incarnation, Pool: blue, Site: "eu", Labels: values, Allocatable: allocatable,
		Kinds: []string{"k"}, AssignmentsPartition: events.EnginePartition(events.EngineID(id)),
	}})
}

func (w *world) submit(id, predicate string) {
	w.send(&events.TaskRequested{TaskId: id, Pool: blue, Kind: "k", Predicate: predicate})
}

func (w *world) task(id string) *task {
	if p := w.state.pools[blue]; p != nil {
		return p.tasks[id]
	}
	return nil
}

func (w *world) finish(id string, outcome events.AttemptFinished_Outcome) {
	t := w.task(id)
	if t == nil || t.status != assigned {
		w.tb.Fatalf("finish %s: it does not run", id)
	}
	w.send(&events.AttemptFinished{
		TaskId: id, Pool: blue, EngineId: t.engine.id, Incarnation: t.engine.incarnation,
		Attempt: t.attempt(), Token: t.token, Outcome: outcome,
	})
}

func (w *world) types() (out []events.Type) {
	for _, l := range w.log {
		out = append(out, l.Type)
	}
	return out
}

// heartbeat is what an engine sends that has received all its assignments.
func (w *world) heartbeat(id string) {
	w.beat(w.state.pools[blue].engines[id], nil)
}

// beat is a heartbeat with what the engine measures as used.
func (w *world) beat(e *engine, used map[string]int64) {
	beat := &events.EngineHeartbeat{
		EngineId: e.id, Incarnation: e.incarnation, Pool: blue, ReceivedEpoch: 1, ReceivedN: uint32(w.offset), Used: used,
	}
	for t := e.first; t != nil; t = t.attemptNext {
		beat.Running = append(beat.Running, t.token)
	}
	w.send(beat)
}

// failover has the replica decide from here on, in the middle of whatever the
// other one had begun, by a clock that differs by `skew` ms.
func (w *world) failover(skew int64) {
	w.now += skew
	w.state = w.replica
	w.replica = New(w.cfg)
	for _, l := range w.log {
		w.replica.Apply(l)
	}
	if w.failedOver != nil {
		w.failedOver()
	}
}
