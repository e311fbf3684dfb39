package replay

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

const blue = events.Pool("blue")

// maker makes a log as a scheduler would to which nothing takes time: the core
// decides once in every millisecond in which something arrives.
type maker struct {
	tb     fataler
	state  *placement.State
	prep   *placement.Preparer
	now    int64
	offset int64
	log    []events.Logged
	at     map[int64][]func()
	// works is what each attempt of a task takes and how it ends.
	works    map[string][]work
	attempts map[string]int
	// incarnations of engines that are there.
	incarnations map[string]string
}

type work struct {
	ms  int64
	how events.AttemptFinished_Outcome
}

const beginMs = 1_000_000

// fataler is a test, or a check of a property.
type fataler interface{ Fatal(args ...any) }

func newMaker(tb fataler) *maker {
	cfg := placement.Config{Partition: events.PoolPartition(blue)}
	m := &maker{
		tb: tb, state: placement.New(cfg), prep: placement.NewPreparer(cfg), now: beginMs, at: map[int64][]func(){},
		works: map[string][]work{}, attempts: map[string]int{}, incarnations: map[string]string{},
	}
	m.state.Advance(m.clock(), m.emit)
	return m
}

func (m *maker) emit(msg proto.Message) {
	l := events.Logged{Offset: m.offset, Epoch: 1, N: uint32(m.offset), Type: events.TypeOf(msg), Message: msg}
	m.offset++
	m.state.Apply(l)
	l.Message = proto.Clone(msg)
	m.log = append(m.log, l)
	if a, ok := msg.(*events.TaskAssigned); ok {
		m.begin(a)
	}
}

// begin lets the engine work.
func (m *maker) begin(a *events.TaskAssigned) {
	n := m.attempts[a.TaskId]
	w := work{100, events.AttemptFinished_SUCCEEDED}
	if list := m.works[a.TaskId]; len(list) > 0 {
		w = list[min(n, len(list)-1)]
	}
	if w.ms < 0 {
		return
	}
	m.later(w.ms, func() {
		if m.incarnations[a.EngineId] != a.Incarnation {
			return
		}
		m.attempts[a.TaskId]++
		m.send(&events.AttemptFinished{
			TaskId: a.TaskId, Pool: string(blue), EngineId: a.EngineId, Incarnation: a.Incarnation, Attempt: a.Attempt, Token: a.Token,
			Outcome: w.how, Error: &events.TaskError{Code: "ODD"},
		})
	})
}

// later does something so many milliseconds from now; in this one still, if 0.
func (m *maker) later(ms int64, do func()) { m.at[m.now+ms] = append(m.at[m.now+ms], do) }

func (m *maker) send(msg proto.Message) {
	topics := events.Topics{Prefix: events.DefaultPrefix}
	topic := topics.Requests()
	if events.KindOf(events.TypeOf(msg)) == events.Report {
		topic = topics.Reports()
	}
	rec, err := events.Encoder{Source: "/test"}.Encode(fmt.Sprint("id-", m.offset), msg)
	if err != nil {
		m.tb.Fatal(err)
	}
	rec.Key = []byte(blue)
	p := events.PoolPartition(blue)
	m.state.Decide(events.Input[*placement.Prepared]{
		Place: events.Place{Topic: topic, Partition: p}, Value: m.prep.Prepare(topic, p, &rec),
	}, m.clock(), m.emit)
}

func (m *maker) clock() events.Clock { return events.Clock{Now: m.now} }

// run lets time pass; what is due in a millisecond arrives before the core decides.
func (m *maker) run(ms int64) {
	for end := m.now + ms; m.now < end; m.now++ {
		for again := true; again; again = len(m.at[m.now]) > 0 {
			for list := m.at[m.now]; len(list) > 0; list = m.at[m.now] {
				m.at[m.now] = list[1:]
				list[0]()
			}
			for m.state.Advance(m.clock(), m.emit) {
			}
		}
		delete(m.at, m.now)
	}
}

func (m *maker) engine(id string, slots int64, labels map[string]any, kinds ...string) {
	s, err := structpb.NewStruct(labels)
	if err != nil {
		m.tb.Fatal(err)
	}
	if len(kinds) == 0 {
		kinds = []string{"k"}
	}
	m.incarnations[id] = fmt.Sprintf("%s@%d", id, m.now)
	m.send(&events.EngineRegistration{Engine: &events.Engine{
		Id: id, Incarnation: m.incarnations[id], Pool: string(blue), Site: "eu", Labels: s.Fields,
		Allocatable: map[string]int64{"slots": slots}, Kinds: kinds, AssignmentsPartition: events.EnginePartition(events.EngineID(id)),
	}})
}

// depart lets an engine go; what it ran is placed again.
func (m *maker) depart(id string) {
	incarnation := m.incarnations[id]
	delete(m.incarnations, id)
	m.send(&events.EngineLeaving{EngineId: id, Incarnation: incarnation, Pool: string(blue), Departed: true})
}

func (m *maker) task(id string, ms int64, change func(*events.TaskRequested)) {
	m.works[id] = []work{{ms, events.AttemptFinished_SUCCEEDED}}
	r := &events.TaskRequested{TaskId: id, Pool: string(blue), Kind: "k"}
	if change != nil {
		change(r)
	}
	m.send(r)
}

// record makes a recording of the log as it is.
func (m *maker) record(w Window) *Recording {
	r := NewRecorder(blue, w)
	for _, l := range m.log {
		l.Message = proto.Clone(l.Message)
		r.Apply(l)
	}
	return r.Recording()
}

func (m *maker) placements() []string {
	var out []string
	for _, l := range m.log {
		if a, ok := l.Message.(*events.TaskAssigned); ok {
			out = append(out, fmt.Sprintf("%s on %s at %d", a.TaskId, a.EngineId, a.AtMs))
		}
	}
	return out
}
