package fleet

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/events"
)

// forgottenID is a UUIDv7 from long before all worlds begin.
const forgottenID = "00000000-0001-7000-8000-000000000000"

// submit is the client: tasks of all sorts, some of them twice, some cancelled,
// and what operators do.
func (f *fleet) submit(p *sim.Process) {
	w, out := p.World, &sim.Producer{Process: p}
	send := func(id string, m proto.Message) {
		record, err := events.Encoder{Source: "/sim/client"}.Encode(id, m)
		if err != nil {
			panic(err) // A mistake in this file.
		}
		record.Key = []byte(fleetPool)
		out.Send(f.requests, record, nil)
	}
	send("settings", f.settings(200))
	for i := range fleetTasks {
		p.Sleep(w.Between(0, 3*fleetChaos/fleetTasks/2))
		m := f.task(i)
		f.requested[m.TaskId] = m
		for range 1 + w.Rand.IntN(2) {
			send(m.TaskId, m)
		}
		f.meddle(i, send)
	}
	p.Sleep(fleetChaos + 2*time.Second - min(w.Elapsed(), fleetChaos))
	for i := range fleetEngines {
		send(fmt.Sprint("resume-", i), &events.EngineResumeRequested{Pool: fleetPool, EngineId: fmt.Sprintf("engine-%d", i)})
	}
	send("cancel-never", &events.TaskCancelRequested{Pool: fleetPool, Filter: &events.TaskFilter{Kind: "never"}})
	p.Sleep(fleetQuiet / 2)
	// Some wait for what was refused, or for each other, or for what nobody submits.
	send("cancel-next", &events.TaskCancelRequested{Pool: fleetPool, Filter: &events.TaskFilter{IdPrefix: "next-", PendingOnly: true}})
	p.Sleep(fleetQuiet)
}

// meddle is what happens to the fleet besides tasks.
func (f *fleet) meddle(i int, send func(id string, m proto.Message)) {
	w, task := f.world, taskID(i)
	switch engine := fmt.Sprintf("engine-%d", w.Rand.IntN(fleetEngines)); {
	case w.Chance(0.1):
		send(fmt.Sprint("cancel-", i), &events.TaskCancelRequested{Pool: fleetPool, TaskId: task})
	case w.Chance(0.05):
		send(fmt.Sprint("drain-", i), &events.EngineDrainRequested{Pool: fleetPool, EngineId: engine})
	case w.Chance(0.05):
		send(fmt.Sprint("bulk-", i), &events.TaskCancelRequested{Pool: fleetPool, Filter: &events.TaskFilter{IdPrefix: "task-1"}})
	case w.Chance(0.2):
		send(fmt.Sprint("retry-", i), &events.TaskRetryRequested{Pool: fleetPool, TaskId: taskID(w.Rand.IntN(i + 1))})
	case w.Chance(0.1):
		send(fmt.Sprint("settings-", i), f.settings([]int64{-1, 0, 100, 300}[w.Rand.IntN(4)]))
	case w.Chance(0.1) && w.Elapsed() < fleetChaos: // Later nobody would start it again.
		if e := f.engines[w.Rand.IntN(fleetEngines)]; e.process != nil && !e.steadfast {
			e.process.Do(func() { e.leaving = true })
		}
	}
}

// settings are the pool's, anew.
func (f *fleet) settings(reserveAfterMs int64) *events.PoolConfigureRequested {
	weight := func() int32 { return int32(1 + f.world.Rand.IntN(4)) }
	return &events.PoolConfigureRequested{Pool: fleetPool, Settings: &events.PoolSettings{
		TenantWeights: map[string]int32{"": weight(), "red": weight(), "green": weight()}, ReserveAfterMs: reserveAfterMs,
	}}
}

// taskID names task number i. Those that come after others are called so, since
// some of them wait for ever and are to be cancelled in the end.
func taskID(i int) string {
	if i%3 == 2 {
		return fmt.Sprint("next-", i)
	}
	return fmt.Sprint("task-", i)
}

// payloadOf is what the handler of a task must be given, also of a retry.
func payloadOf(id string) string {
	first, _, _ := strings.Cut(id, ".r")
	return "payload of " + first
}

// task makes the request of task number i.
func (f *fleet) task(i int) *events.TaskRequested {
	w := f.world
	m := &events.TaskRequested{
		TaskId: taskID(i), Pool: fleetPool, Kind: "work",
		Payload: []byte(payloadOf(taskID(i))), PayloadType: "text/plain",
		Priority:         proto.Int32(int32(w.Rand.IntN(10))),
		ExecutionTimeout: "800ms",
		Retry:            &events.RetryRequested{InitialBackoff: "20ms", MaxBackoff: "200ms", MaxAttempts: proto.Int32(int32(1 + w.Rand.IntN(4)))},
		Tenant:           []string{"", "red", "green"}[w.Rand.IntN(3)],
		Predicate:        fleetConditions[w.Rand.IntN(len(fleetConditions))].text,
	}
	switch slots := structpb.NewNumberValue; w.Rand.IntN(6) {
	case 0:
		m.Needs = map[string]*structpb.Value{"slots": slots(2)}
	case 1:
		m.Needs = map[string]*structpb.Value{"slots": slots(1), "memory": slots(float64(10 * w.Rand.IntN(6)))}
	case 2:
		m.Needs = map[string]*structpb.Value{"memory": slots(30)}
	case 3: // It is passed over until an engine is reserved for it.
		m.Needs, m.Predicate = map[string]*structpb.Value{"slots": slots(3)}, fleetConditions[w.Rand.IntN(unchanging)].text
	}
	switch {
	case w.Chance(0.1):
		m.Kind = "never"
	case w.Chance(0.2):
		m.Kind = "solo"
	}
	if w.Chance(0.1) {
		m.ScheduleTimeout = "300ms"
	}
	f.order(i, m)
	return m
}

// order is when and where the task would like to run.
func (f *fleet) order(i int, m *events.TaskRequested) {
	w := f.world
	if w.Chance(0.4) {
		m.Prefer = fleetPreferences[w.Rand.IntN(len(fleetPreferences))].text
	}
	if w.Chance(0.3) {
		m.LimitKey = []string{"db", "license"}[w.Rand.IntN(2)]
		if w.Chance(0.5) {
			m.Limit = proto.Int32(int32(1 + w.Rand.IntN(2)))
		}
	}
	if w.Chance(0.2) {
		m.NotBefore = w.Now().Add(w.Between(-time.Second, 2*time.Second)).UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	if !strings.HasPrefix(m.TaskId, "next-") {
		return
	}
	for range 1 + w.Rand.IntN(2) {
		switch {
		case w.Chance(0.04):
			m.After = append(m.After, "nobody")
		case w.Chance(0.04):
			m.After = append(m.After, forgottenID)
		case w.Chance(0.6): // It was submitted before.
			m.After = append(m.After, taskID(w.Rand.IntN(i)))
		default:
			m.After = append(m.After, taskID((i+1+w.Rand.IntN(5))%fleetTasks))
		}
	}
}
