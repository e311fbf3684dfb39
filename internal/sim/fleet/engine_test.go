package fleet

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

// engine is the shell of an engine round the production core, package lease.
type engine struct {
	fleet *fleet
	node  *sim.Node
	// number of the engine in the fleet; spec is what it says of itself.
	number int
	spec   *events.Engine

	process *sim.Process
	clock   func() time.Time
	latest  int64 // time of day that is in an incarnation of this process
	holder  *lease.Holder
	out     *sim.Producer
	reports []acked
	ended   []ended
	running map[events.Token]bool // handlers that were not stopped
	leaving bool                  // it was told to drain
	// steadfast: it neither crashes by itself nor is told to drain.
	steadfast bool
	gone      bool
}

type acked struct{ sentAt int64 }

type ended struct {
	token  events.Token
	result lease.Result
}

// grace is what a draining engine gives its handlers.
const grace = 300 * time.Millisecond

// newSpec describes engine number i. All tasks of the fleet fit the first one,
// which is as it is in all its incarnations.
func newSpec(i int) *events.Engine {
	labels := map[string]*structpb.Value{
		"disk": structpb.NewStringValue([]string{"ssd", "hdd", "ssd"}[i]), "gpu": structpb.NewNumberValue([]float64{1, 0, 0}[i]),
		"speed": structpb.NewNumberValue(float64(i)),
	}
	if i > 0 {
		labels["rank"] = structpb.NewNumberValue(float64(-i))
	}
	id := fmt.Sprintf("engine-%d", i)
	return &events.Engine{
		Id: id, Pool: fleetPool, Site: "sim", Kinds: []string{"work", "solo"}, Node: "host-a", Labels: labels,
		Allocatable:          map[string]int64{"slots": []int64{3, 2, 2}[i], "memory": fleetMemory},
		AssignmentsPartition: events.EnginePartition(events.EngineID(id)),
	}
}

// moveIn is what changes with a process of the engine: its host, and what it accepts.
func (e *engine) moveIn(w *sim.World) {
	if e.spec = newSpec(e.number); e.number > 0 {
		e.spec.Node = []string{"host-a", "host-b", ""}[w.Rand.IntN(3)]
		e.spec.Accepts = fleetAccepts[w.Rand.IntN(len(fleetAccepts))].text
	}
}

// measure is what a monitor does: what is used goes up and down, and is nothing
// in the end, or not measured any more, so that all tasks fit.
func (e *engine) measure() {
	w, used := e.process.World, int64(0)
	switch {
	case w.Elapsed() > fleetChaos+2*time.Second && e.number == 0:
		e.holder.Observed(nil)
		return
	case w.Elapsed() > fleetChaos+2*time.Second:
	case w.Chance(0.1):
		used = w.Rand.Int64N(fleetMemory + 1)
	default:
		return
	}
	e.fleet.measured[e.spec.Id] = append(e.fleet.measured[e.spec.Id], used)
	e.holder.Observed(map[string]int64{"memory": used})
}

// live is a process of the engine, from start to departure or crash.
func (e *engine) live(p *sim.Process) {
	w := p.World
	e.moveIn(w)
	log := e.fleet.assignments(e.spec.AssignmentsPartition).Open(p)
	e.clock, e.latest = e.fleet.clocks.of(e.spec.Id), 0
	e.process, e.out = p, &sim.Producer{Process: p}
	e.reports, e.ended, e.running = nil, nil, map[events.Token]bool{}
	e.leaving, e.gone = false, false
	p.Sleep(w.Delay())
	from := log.End()
	p.Sleep(w.Delay())
	e.holder = lease.New(lease.Settings{
		Engine: e.spec, Reports: fleetTopics.Reports(), Events: fleetTopics.Events(), TTL: fleetTTL.Milliseconds(),
	})
	e.do(e.holder.Register(e.now(), e.incarnation(), from))
	for !e.gone {
		wait := time.Duration(e.holder.Wake()-e.now()) * time.Millisecond
		page, err := log.Fetch(context.Background(), e.holder.Next(), min(max(wait, time.Millisecond), 500*time.Millisecond))
		if err != nil {
			return // The partition never loses anything here.
		}
		e.do(e.holder.Read(e.now(), page))
		e.deliver()
		if e.leaving {
			e.leaving = false
			e.do(e.holder.Drain(e.now(), grace.Milliseconds()))
		}
		e.measure()
		e.do(e.holder.Tick(e.now()))
	}
	for e.out.Pending() > 0 {
		p.Sleep(sim.Resend)
	}
}

func (e *engine) now() int64 { return e.clock().UnixMilli() }

// incarnation makes UUIDs of version 7, by the time of day: those of one process grow.
func (e *engine) incarnation() events.Incarnation {
	e.fleet.incarnations++
	e.latest = max(e.latest, e.fleet.clocks.read(e.spec.Id).Wall/int64(time.Millisecond))
	ms := uint64(e.latest)
	return events.Incarnation(fmt.Sprintf("%08x-%04x-7%03x-8000-%012x",
		ms>>16, ms&0xffff, e.fleet.incarnations&0xfff, e.process.World.Rand.Uint64()>>16))
}

func (e *engine) deliver() {
	reports, done := e.reports, e.ended
	e.reports, e.ended = nil, nil
	for _, r := range reports {
		e.holder.Acked(r.sentAt)
	}
	for _, d := range done {
		delete(e.running, d.token)
		e.do(e.holder.Finished(e.now(), d.token, d.result))
	}
}

func (e *engine) do(actions []lease.Action) {
	anew := false
	for _, a := range actions {
		switch a.Verb {
		case lease.Start:
			e.start(a.Attempt)
		case lease.Stop:
			// Half of the handlers heed their context.
			if e.running[a.Token] && e.process.World.Chance(0.5) {
				e.end(a.Token, time.Millisecond, lease.Result{
					Outcome: events.AttemptFinished_FAILED, Error: &events.TaskError{Code: "STOPPED"},
				})
			}
		case lease.Send:
			e.send(a.Report)
		case lease.RegisterAnew:
			anew = true
		case lease.Depart:
			e.gone = true
		}
	}
	if anew && e.holder.Err() == nil {
		e.do(e.holder.Register(e.now(), e.incarnation(), e.holder.Next()))
	}
}

func (e *engine) send(r lease.Report) {
	record, err := events.Encoder{Source: "/sim/" + e.spec.Id}.Encode(r.ID, r.Message)
	if err != nil {
		panic(err) // A mistake of the core.
	}
	record.Key = []byte(fleetPool)
	if m, ok := r.Message.(*events.AttemptFinished); ok {
		e.fleet.reported[events.Token(m.Token)] = m.Outcome
		if w := e.process.World; !e.steadfast && w.Elapsed() < fleetChaos && w.Chance(0.03) {
			e.lastWords(record)
			return
		}
	}
	e.out.Send(e.fleet.reports, record, func() {
		if r.Beat {
			e.reports = append(e.reports, acked{r.SentAt})
		}
	})
}

// lastWords: it crashes with a report under way, which arrives when a later
// incarnation may be at work on the same task.
func (e *engine) lastWords(record events.Record) {
	w, words := e.process.World, sim.Copied([]events.Record{record})
	w.After(w.Between(10*time.Millisecond, time.Second), func() { _, _ = e.fleet.reports.Append(context.Background(), words) })
	w.After(0, e.node.Restart)
}

// start runs a handler: it takes its time and then ends in one way or another.
func (e *engine) start(a *lease.Attempt) {
	w := e.process.World
	e.fleet.starts[a.Token]++
	e.fleet.checkDelivered(e.spec.Id, (w.Now().Add(e.fleet.clocks.ahead())).UnixMilli(), a.Task)
	e.running[a.Token] = true
	result := lease.Result{Outcome: events.AttemptFinished_SUCCEEDED, Data: fmt.Append(nil, a.Token)}
	took := w.Between(time.Millisecond, 300*time.Millisecond)
	switch {
	case w.Chance(0.1):
		result = lease.Result{Outcome: events.AttemptFinished_FAILED, Error: &events.TaskError{Code: "OOPS"}}
	case w.Chance(0.05):
		result = lease.Result{Outcome: events.AttemptFinished_FAILED_FINALLY, Error: &events.TaskError{Code: "NEVER"}}
	case w.Chance(0.1):
		took = w.Between(time.Second, 4*time.Second)
	}
	e.end(a.Token, took, result)
}

func (e *engine) end(token events.Token, after time.Duration, result lease.Result) {
	e.process.After(after, func() { e.ended = append(e.ended, ended{token, result}) })
}
