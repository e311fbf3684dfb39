package proof

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

const classes = 20

// fleet is the engines and what they do.
type fleet struct {
	engines []*engine
	byID    map[string]*engine
	due     map[int][]*attempt // by the step at which they end
	rest    int
}

type engine struct {
	spec     *events.Engine
	epoch, n uint32 // of the newest assignment received
	there    bool
	silent   bool // it died, and nobody knows yet
	drained  bool
	measures bool
	lives    int
	running  map[uint64]*attempt
	backAt   int
}

type attempt struct {
	on    *engine
	lives int
	m     *events.TaskAssigned
}

// build makes the engines; most of them join later.
func (s *story) build() {
	s.byID, s.due, s.rest = map[string]*engine{}, map[int][]*attempt{}, lastRest
	for i := range manyEngines {
		e := &engine{spec: s.spec(i), running: map[uint64]*attempt{}, backAt: 2 + s.r.IntN(3), measures: i%2 == 0}
		if i%4 == 0 {
			e.backAt = s.r.IntN(100)
		}
		s.engines = append(s.engines, e)
		s.byID[e.spec.Id] = e
	}
}

// spec describes an engine: its class has the labels, and some are missing.
func (s *story) spec(i int) *events.Engine {
	class, id := i%classes, fmt.Sprintf("engine-%d", i)
	e := &events.Engine{
		Id: id, Pool: blue, Site: []string{"eu", "us", "ap"}[class%3], Labels: map[string]*structpb.Value{},
		Kinds:                kinds[:1+class%3],
		Allocatable:          map[string]int64{"slots": int64(2 + class%5), "memory_bytes": int64(4+class) << 30},
		AssignmentsPartition: events.EnginePartition(events.EngineID(id)),
	}
	e.Accepts = acceptances[max(class%6-2, 0)].text
	if i%3 > 0 {
		e.Node = fmt.Sprintf("node-%d", i/9)
	}
	if class%2 == 0 {
		e.Labels["gpu"] = structpb.NewNumberValue(float64(class % 6))
		e.Allocatable["gpu"] = int64(1 + class%4)
	}
	if class%3 != 0 {
		e.Labels["disk"] = structpb.NewStringValue([]string{"ssd", "hdd", "nvme"}[class%3])
	}
	if class%5 != 1 {
		zones := []any{"eu-1", "us-1", "eu-2", "ap-1"}
		list, err := structpb.NewList(zones[:class%5])
		if err != nil {
			s.t.Fatal(err)
		}
		e.Labels["zones"] = structpb.NewListValue(list)
	}
	if class%7 < 3 {
		e.Labels["spot"] = structpb.NewBoolValue(class%2 == 1)
	}
	return e
}

// live is one step of everybody's life.
func (s *story) live() {
	switch s.step {
	case 1:
		return // The log is raised to the newest fold version.
	case 2:
		s.send(&events.PoolConfigureRequested{Pool: blue, Settings: &events.PoolSettings{
			TenantWeights: map[string]int32{"acme": 3, "bolt": 2}, ReserveAfterMs: 500,
		}})
	}
	if s.moves {
		s.move()
	}
	for range min(manyTasks/steps, manyTasks-s.submitted) {
		s.send(s.request(s.submitted))
		s.submitted++
	}
	if s.submitted >= manyTasks {
		s.rest--
	}
	for _, a := range s.due[s.step] {
		s.end(a)
	}
	delete(s.due, s.step)
	for _, e := range s.engines {
		s.fate(e)
	}
}

// request makes a task.
func (s *story) request(i int) *events.TaskRequested {
	m := &events.TaskRequested{
		TaskId: fmt.Sprintf("task-%d", i), Pool: blue, Kind: kinds[min(s.r.IntN(6), 2)],
		Priority: proto.Int32(int32(s.r.IntN(10))), Tenant: pick(s.r, "", "acme", "bolt", "cube"),
		Retry: &events.RetryRequested{InitialBackoff: "200ms", MaxAttempts: proto.Int32(int32(1 + s.r.IntN(4)))},
	}
	if s.r.IntN(10) > 0 {
		m.Predicate = s.texts[s.r.IntN(len(s.texts))].text
	}
	if s.r.IntN(3) == 0 {
		m.Needs = map[string]*structpb.Value{"slots": structpb.NewNumberValue(float64(1 + s.r.IntN(3)))}
	}
	if s.r.IntN(4) == 0 {
		m.Needs = map[string]*structpb.Value{
			"slots": structpb.NewNumberValue(1), "memory_bytes": structpb.NewStringValue(fmt.Sprintf("%dMi", 512+s.r.IntN(6000))),
		}
	}
	if s.r.IntN(20) == 0 {
		m.Needs = map[string]*structpb.Value{"slots": structpb.NewNumberValue(1), "gpu": structpb.NewNumberValue(1)}
	}
	s.demand(m, i)
	if s.r.IntN(5) == 0 {
		m.ScheduleTimeout = "6s"
	}
	return m
}

// demand adds what few tasks ask for.
func (s *story) demand(m *events.TaskRequested, i int) {
	switch s.r.IntN(25) {
	case 0, 1:
		m.Prefer = pick(s.r, preferences...)
	case 2, 3:
		m.NotBefore = time.UnixMilli(s.nowMs + int64(s.r.IntN(5000))).UTC().Format(time.RFC3339Nano)
	case 4, 5:
		key := s.r.IntN(8)
		m.LimitKey, m.Limit = fmt.Sprintf("key-%d", key), proto.Int32(int32(1+key))
	case 6, 7:
		for range min(i, 1+s.r.IntN(2)) {
			m.After = append(m.After, fmt.Sprintf("task-%d", i-1-s.r.IntN(min(i, 600))))
		}
	case 8, 9: // Only the largest engines have room for that, and rarely.
		m.Needs = map[string]*structpb.Value{"slots": structpb.NewNumberValue(6)}
		m.Predicate, m.Kind, m.ScheduleTimeout = "", kinds[0], ""
	}
}

// fate is what may happen to an engine in a step.
func (s *story) fate(e *engine) {
	switch chance := s.r.IntN(4000); {
	case !e.there:
		if s.step >= e.backAt {
			s.join(e)
		}
	case e.silent:
		if s.step >= e.backAt { // It comes back, perhaps before it was found lost.
			s.join(e)
		}
	case chance < 4: // It dies without a word.
		e.silent, e.backAt = true, s.step+10+s.r.IntN(90)
	case chance < 8:
		s.leave(e)
	case chance < 16 && !e.drained:
		s.send(&events.EngineDrainRequested{Pool: blue, EngineId: e.spec.Id, Reason: "maintenance"})
		e.drained = true
	case chance < 200 && e.drained:
		s.send(&events.EngineResumeRequested{Pool: blue, EngineId: e.spec.Id})
		e.drained = false
	case s.step%20 == len(e.spec.Id)%20 || chance < 20:
		s.beat(e)
	}
}

func (s *story) join(e *engine) {
	e.lives++
	e.there, e.silent, e.running = true, false, map[uint64]*attempt{}
	e.spec = proto.CloneOf(e.spec)
	e.spec.Incarnation = fmt.Sprintf("incarnation-%04d", e.lives)
	s.send(&events.EngineRegistration{Engine: e.spec})
}

// leave drains what runs, or goes with what it has.
func (s *story) leave(e *engine) {
	m := &events.EngineLeaving{EngineId: e.spec.Id, Incarnation: e.spec.Incarnation, Pool: blue, Departed: len(e.running) == 0}
	s.send(m)
	if m.Departed || s.r.IntN(2) == 0 {
		m = proto.CloneOf(m)
		m.Departed = true
		s.send(m)
		e.there, e.backAt = false, s.step+10+s.r.IntN(60)
	}
}

func (s *story) beat(e *engine) {
	beat := &events.EngineHeartbeat{
		EngineId: e.spec.Id, Incarnation: e.spec.Incarnation, Pool: blue,
		ReceivedEpoch: e.epoch, ReceivedN: e.n, Running: slices.Sorted(maps.Keys(e.running)),
	}
	if e.measures {
		memory := e.spec.Allocatable["memory_bytes"]
		beat.Used = map[string]int64{"memory_bytes": s.r.Int64N(memory), "watts": 7}
	}
	s.send(beat)
}

// deliver hands an engine what was published for it.
func (s *story) deliver(epoch, n uint32, m proto.Message) {
	a, ok := m.(*events.TaskAssigned)
	if !ok {
		return
	}
	e := s.byID[a.EngineId]
	if e == nil || !e.there || e.silent || e.spec.Incarnation != a.Incarnation {
		return
	}
	if epoch < e.epoch || epoch == e.epoch && n <= e.n {
		return // Published again by the next owner.
	}
	e.epoch, e.n = epoch, n
	if s.r.IntN(200) == 0 {
		return // It never starts; a heartbeat will tell.
	}
	it := &attempt{on: e, lives: e.lives, m: a}
	e.running[a.Token] = it
	step := s.step + 1 + s.r.IntN(18)
	s.due[step] = append(s.due[step], it)
	if step > s.step+8 {
		s.send(&events.AttemptStarted{TaskId: a.TaskId, Pool: blue, EngineId: a.EngineId, Incarnation: a.Incarnation, Attempt: a.Attempt, Token: a.Token})
	}
}

// end reports how an attempt ended; of one whose engine died meanwhile, some
// still do.
func (s *story) end(a *attempt) {
	dead := a.on.lives != a.lives || !a.on.there || a.on.silent
	if dead && s.r.IntN(3) > 0 {
		return
	}
	if !dead {
		delete(a.on.running, a.m.Token)
	}
	m := &events.AttemptFinished{
		TaskId: a.m.TaskId, Pool: blue, EngineId: a.m.EngineId, Incarnation: a.m.Incarnation, Attempt: a.m.Attempt, Token: a.m.Token,
		Outcome: events.AttemptFinished_SUCCEEDED,
	}
	switch s.r.IntN(40) {
	case 0, 1, 2:
		m.Outcome, m.Error = events.AttemptFinished_FAILED, &events.TaskError{Code: "OOPS"}
	case 3:
		m.Outcome, m.Error = events.AttemptFinished_FAILED_FINALLY, &events.TaskError{Code: "NEVER"}
	case 4:
		m.Outcome = events.AttemptFinished_RETURNED
	case 5:
		m.Outcome, m.Error = events.AttemptFinished_REFUSED, &events.TaskError{Code: "BUSY"}
	}
	s.send(m)
}
