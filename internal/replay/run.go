package replay

import (
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// Scenario is what to run a recording with. What is nil is as in the record.
type Scenario struct {
	Fleet  *Fleet
	Policy *Policy

	// watch sees every placement of the run.
	watch func(*events.TaskAssigned)
}

// Run runs a recording through the core in virtual time. The error says what of
// the scenario cannot be used.
func Run(rec *Recording, sc Scenario) (*Outcome, error) {
	r := &runner{
		rec: rec, watch: sc.watch, live: make(map[string]*job), gone: make(map[string]bool),
		predicates: predicate.NewCache(0),
		out:        &Outcome{tasks: make([]result, len(rec.Requests)), engines: make(map[string]int), startMs: rec.FromMs},
	}
	cfg := placement.Config{
		Partition: events.PoolPartition(rec.Pool), Predicates: r.predicates, WaitingLimit: len(rec.Requests) + 1,
		FoldVersion: 1, // It is raised where the record says so.
	}
	r.state, r.prep = placement.New(cfg), placement.NewPreparer(cfg)
	if err := r.prepare(sc); err != nil {
		return nil, err
	}
	for len(r.due.list) > 0 {
		r.batch = r.due.next(r.batch)
		r.now = r.batch[0].ms
		for i := range r.batch {
			r.happen(&r.batch[i])
		}
		for r.state.Advance(r.clock(), r.emit) {
		}
		r.rearm()
	}
	r.explain()
	r.ready()
	return r.out, nil
}

// rearm has the core asked again when it has something to do by itself. That an
// engine may be reserved is asked once more in vain after the last fact: for what
// nothing can be done any more, it would be asked for ever.
func (r *runner) rearm() {
	d := r.state.Due()
	at := d.Pause
	if r.due.facts > 0 || r.offset != r.armedAt {
		at = min(at, d.Reserve)
	}
	r.armedAt = r.offset
	if at = max(at, r.now+1); at < math.MaxInt64 && (at < r.wakeAt || r.wakeAt <= r.now) {
		r.wakeAt = at
		r.due.add(due{moment: moment{at, unplaced, unplaced}, what: wake})
	}
}

// runner is a run under way.
type runner struct {
	rec        *Recording
	state      *placement.State
	prep       *placement.Preparer
	predicates *predicate.Cache
	due        schedule
	batch      []due
	now        int64
	offset     int64
	live       map[string]*job
	// gone are incarnations whose attempts are over.
	gone map[string]bool
	// wakeAt is when the core is asked next though nothing happens; armedAt the
	// offset at which that was found out.
	wakeAt, armedAt int64
	refused         error
	watch           func(*events.TaskAssigned)
	out             *Outcome
}

// job is a task that has not ended.
type job struct {
	request     int
	incarnation string
	// token of the attempt under way, 0 if there is none.
	token   uint64
	engine  string
	attempt int32
	// plays is how many attempts ended by themselves.
	plays int
}

func (r *runner) clock() events.Clock { return events.Clock{Now: r.now} }

// prepare schedules the facts.
func (r *runner) prepare(sc Scenario) error {
	first := r.rec.FromMs
	for i := range r.rec.steps {
		if s := &r.rec.steps[i]; !sc.drops(s.message) {
			m := s.moment
			if m.ms < first {
				m = moment{first, m.offset - 1<<62, unplaced}
			}
			r.due.add(due{moment: m, what: enact, step: s})
		}
	}
	r.now = first
	if sc.needsNewest() {
		r.emit(&events.LogFoldVersionRaised{Version: placement.NewestFoldVersion, AtMs: first})
	}
	if sc.Policy != nil {
		r.configure(sc.Policy)
	}
	if sc.Fleet != nil {
		if err := r.register(sc.Fleet); err != nil {
			return err
		}
	}
	for i, q := range r.rec.Requests {
		task, err := r.adapt(q, sc.Policy)
		if err != nil {
			return err
		}
		r.out.tasks[i] = result{task: task, readyMs: q.at.ms, firstMs: -1}
		r.due.add(due{moment: q.at, what: arrive, request: i})
		if q.cancelled.ms > 0 {
			r.due.add(due{moment: q.cancelled, what: cancel, request: i})
		}
	}
	return nil
}

// drops tells whether a step is replaced by the scenario.
func (sc Scenario) drops(m proto.Message) bool {
	switch m.(type) {
	case *events.PoolConfigured:
		return sc.Policy.settles()
	case *events.LogFoldVersionRaised:
		return false
	}
	return sc.Fleet != nil
}

// needsNewest tells whether the scenario has what a log of an older release may
// not know yet.
func (sc Scenario) needsNewest() bool {
	return sc.Policy.settles() ||
		sc.Policy != nil && slices.ContainsFunc(sc.Policy.Tasks, func(o Override) bool { return o.Prefer != nil }) ||
		sc.Fleet != nil && slices.ContainsFunc(sc.Fleet.groups, func(g engineGroup) bool { return g.Accepts != "" || g.Node != "" })
}

// register lets the engines of a fleet join, as they would: the core refuses what
// it would refuse.
func (r *runner) register(f *Fleet) error {
	engines, err := f.expand(r.rec)
	if err != nil {
		return err
	}
	for i, e := range engines {
		rec, err := events.Encoder{Source: "/spanway/replay"}.Encode(fmt.Sprint(i), &events.EngineRegistration{Engine: e})
		if err != nil {
			return fmt.Errorf("engine %q: %w", e.Id, err)
		}
		rec.Key = []byte(r.rec.Pool)
		topic, partition := events.Topics{Prefix: events.DefaultPrefix}.Reports(), events.PoolPartition(r.rec.Pool)
		in := events.Input[*placement.Prepared]{
			Place: events.Place{Topic: topic, Partition: partition, Offset: int64(i)},
			Value: r.prep.Prepare(topic, partition, &rec),
		}
		if r.state.Decide(in, r.clock(), r.emit); r.refused != nil {
			return fmt.Errorf("engine %q: %w", e.Id, r.refused)
		}
	}
	return nil
}

// emit folds an event of the run and takes note of it.
func (r *runner) emit(m proto.Message) {
	r.state.Apply(events.Logged{Offset: r.offset, Epoch: 1, N: uint32(r.offset), Type: events.TypeOf(m), Message: m})
	r.offset++
	switch m := m.(type) {
	case *events.TaskAssigned:
		r.assigned(m)
	case *events.TaskExpired:
		r.end(m.TaskId, expired)
	case *events.TaskDeadLettered:
		r.end(m.TaskId, dead)
	case *events.TaskCancelled:
		r.end(m.TaskId, cancelled)
	case *events.EngineRegistrationRefused:
		r.refused = events.Refuse(events.Code(m.Code), "%s", m.Message)
	case *events.TaskRejected:
		r.refused = events.Refuse(events.Code(m.Code), "%s", m.Message)
	}
}

// happen makes a fact take effect.
func (r *runner) happen(d *due) {
	switch d.what {
	case arrive:
		r.arrive(d.request)
	case enact:
		r.enact(d.step.message)
	case cancel:
		r.cancel(d.request)
	case finish:
		r.finish(d)
	}
}

func (r *runner) arrive(i int) {
	q, task := r.rec.Requests[i], r.out.tasks[i].task
	if r.live[task.Id] != nil {
		return // Under its ID an older one lives longer here than in the record.
	}
	r.live[task.Id] = &job{request: i}
	r.emit(&events.TaskAccepted{Task: task, AtMs: q.AcceptedMs})
}

func (r *runner) enact(m proto.Message) {
	switch m := m.(type) {
	case *events.EngineLost:
		r.gone[m.Incarnation] = true
	case *events.EngineDeparted:
		r.gone[m.Incarnation] = true
	}
	r.emit(m)
}

func (r *runner) cancel(i int) {
	id := r.rec.Requests[i].Task.Id
	j := r.live[id]
	if j == nil || j.request != i {
		return
	}
	m := &events.TaskCancelled{TaskId: id, Pool: string(r.rec.Pool), AtMs: r.now}
	if j.token != 0 && !r.gone[j.incarnation] {
		m.EngineId, m.Token = j.engine, j.token
	}
	r.emit(m)
}

// assigned begins an attempt: its end is due when its work takes that long.
func (r *runner) assigned(m *events.TaskAssigned) {
	j := r.live[m.TaskId]
	if j == nil {
		return
	}
	if r.watch != nil {
		r.watch(m)
	}
	j.incarnation, j.token, j.engine, j.attempt = m.Incarnation, m.Token, m.EngineId, m.Attempt
	res, q := &r.out.tasks[j.request], r.rec.Requests[j.request]
	if res.firstMs < 0 {
		res.firstMs = r.now
	}
	res.engine = m.EngineId
	res.placements++
	r.out.engines[m.EngineId]++
	p := r.rec.works.play(q, j.plays, r.rec.ToMs)
	if p.ms == forever {
		return
	}
	at := moment{r.now + p.ms, math.MaxInt64, unplaced} // After what the record has there, which may cut it short.
	if p.as != nil && p.as.from.ms == r.now {           // As in the record, to the very place.
		at = p.as.to
	}
	r.due.add(due{moment: at, what: finish, request: j.request, token: m.Token, play: p})
}

func (r *runner) finish(d *due) {
	id := r.rec.Requests[d.request].Task.Id
	j := r.live[id]
	if j == nil || j.request != d.request || j.token != d.token || r.gone[j.incarnation] {
		return // The attempt is over.
	}
	pool := string(r.rec.Pool)
	j.plays++
	j.token = 0
	switch d.play.how {
	case success:
		r.emit(&events.TaskSucceeded{TaskId: id, Pool: pool, EngineId: j.engine, Attempt: j.attempt, Token: d.token, AtMs: r.now})
		r.end(id, succeeded)
	case final:
		r.emit(&events.TaskFailed{TaskId: id, Pool: pool, EngineId: j.engine, Attempt: j.attempt, Token: d.token, Error: d.play.err, AtMs: r.now})
		r.end(id, failed)
	default:
		r.emit(&events.TaskAttemptFailed{TaskId: id, Pool: pool, EngineId: j.engine, Attempt: j.attempt, Token: d.token, Error: d.play.err, AtMs: r.now})
	}
}

func (r *runner) end(id string, how end) {
	if j := r.live[id]; j != nil {
		res := &r.out.tasks[j.request]
		res.end, res.endMs = how, r.now
		delete(r.live, id)
	}
}

// kinds lists what handlers the recorded tasks need.
func (rec *Recording) kinds() []string {
	var kinds []string
	seen := make(map[string]bool)
	for _, q := range rec.Requests {
		if !seen[q.Task.Kind] {
			seen[q.Task.Kind] = true
			kinds = append(kinds, q.Task.Kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}
