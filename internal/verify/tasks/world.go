package tasks

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// The same task ID is the same task for a day or for this many ended tasks,
// whichever is less.
const (
	windowMillis = 24 * 60 * 60 * 1000
	windowTasks  = 4_000_000
)

// name is a task's or an engine's ID within its pool.
type name struct{ pool, id string }

// world is what the events that count say there is.
type world struct {
	p       *Partition
	past    past
	tasks   map[name]*task                // that have not ended
	engines map[name]*engine              // that are not gone
	nodes   map[name]map[*engine]struct{} // present engines by the node they name
	tokens  map[string]uint64             // the highest given, by pool
	// firsts are the first tokens given in the pools, as far as the log was seen.
	firsts map[string]uint64
	// limited counts the tasks that run, by their limit key.
	limited map[name]int
	moved
	views predicates
	// partial: the beginning of the log was not seen.
	partial bool
	// floor is the offset below which all was to be deleted.
	floor int64
	// expected is the offset for which the current batch was written, landed the
	// one at which it stands.
	expected, landed int64
}

type task struct {
	id, pool   string
	spec       *events.Task // without its payload; nil: accepted before what was seen
	needs      map[string]int64
	accepted   int64 // offset
	acceptedMs int64
	payloadAt  int64 // offset of the event that has its payload; -1: it has none
	on         *engine
	token      uint64 // of the current or the last attempt
	attempt    int32
	// loose: whether an attempt is unfinished was decided before what was seen.
	loose bool
	// holds is the engine that is reserved for it.
	holds *engine
}

// since says how the task came to be known.
func (t *task) since() string {
	if t.spec == nil {
		return "met"
	}
	return "accepted"
}

func newWorld(p *Partition, past past) world {
	return world{
		p: p, past: past, tasks: map[name]*task{},
		engines: map[name]*engine{}, nodes: map[name]map[*engine]struct{}{}, tokens: map[string]uint64{},
		firsts: map[string]uint64{}, limited: map[name]int{}, moved: newMoved(),
	}
}

// open lists the tasks that have not ended, the oldest first.
func (w *world) open() []*task { return slices.SortedFunc(maps.Values(w.tasks), oldest) }

func oldest(a, b *task) int {
	return cmp.Or(cmp.Compare(a.accepted, b.accepted), cmp.Compare(a.id, b.id))
}

// Within implements chain.Contents.
func (w *world) Within() { w.partial = true }

// Batch implements chain.Contents.
func (w *world) Batch(expected, landed int64) { w.expected, w.landed = expected, landed }

// Follow implements chain.Contents: it applies one event and checks it against
// what was before.
func (w *world) Follow(where chain.At, m proto.Message) {
	switch m := m.(type) {
	case *events.TaskAccepted:
		w.accept(where, m)
	case *events.TaskAssigned:
		w.assign(where, m)
	case *events.TaskStarted:
		w.current(where, m)
	case *events.TaskProgressed:
		w.current(where, m)
	case *events.TaskAssignmentRefused:
		w.release(where, w.current(where, m))
	case *events.TaskAttemptFailed:
		w.release(where, w.current(where, m))
	case *events.TaskAttemptReturned:
		w.release(where, w.current(where, m))
	case *events.TaskStaleResultRejected:
		w.stale(where, m)
	case *events.TaskSucceeded:
		w.end(where, w.current(where, m), "succeeded", m.AtMs)
	case *events.TaskFailed:
		w.end(where, w.current(where, m), "failed", m.AtMs)
	case *events.TaskCancelled:
		w.cancel(where, m)
	case *events.TaskExpired:
		w.end(where, w.lookup(where, m, "G1"), "expired", m.AtMs)
	case *events.TaskDeadLettered:
		w.end(where, w.lookup(where, m, "G1"), "dead_lettered", m.AtMs)
	case *events.TaskRetryScheduled:
		w.lookup(where, m, "G1")
	case *events.TaskReserved:
		w.reserve(where, m)
	case *events.PoolImported:
		w.part(where, m)
	case *events.PoolPromoted:
		w.promote(where, m)
	case *events.PoolReplaced:
		w.replace(where, m)
	default:
		w.followEngine(where, m)
	}
}

func (w *world) accept(where chain.At, m *events.TaskAccepted) {
	spec := m.GetTask()
	key := name{spec.GetPool(), spec.GetId()}
	where.Task = key.id
	if open := w.tasks[key]; open != nil {
		w.p.Find("G1", where, "accepted again; it was accepted at offset %d and has not ended", open.accepted)
		return
	}
	if w.replaced[key.pool] {
		w.p.Find("G1", where, "accepted although the pool is placed at another site")
	}
	if before, ok := w.elsewhere(key); ok && w.within(before, m.AtMs) {
		w.p.Find("G1", where, "accepted again; it ended at another site, as offset %d tells, within the window", before.offset)
	}
	if before, ok := w.past.ended(key); ok {
		if w.within(before, m.AtMs) {
			w.p.Find("G1", where, "accepted again; it %s at offset %d, within the window", before.by, before.offset)
		}
		if before.by == "succeeded" {
			w.past.succeed(key)
		}
	}
	w.checkSpec(where, spec)
	w.tasks[key] = newTask(where, spec, m.AtMs)
	w.p.report.Tasks++
}

// within tells whether what ended before is still remembered.
func (w *world) within(before ended, atMs int64) bool {
	return atMs-before.atMs < windowMillis && w.past.endings-before.number < windowTasks
}

func newTask(where chain.At, spec *events.Task, acceptedMs int64) *task {
	t := &task{
		id: spec.GetId(), pool: spec.GetPool(), accepted: where.Offset, acceptedMs: acceptedMs, needs: spec.GetNeeds(), payloadAt: payloadAt(where, spec),
	}
	t.spec = &events.Task{
		Kind: spec.GetKind(), Predicate: spec.GetPredicate(), Priority: spec.GetPriority(), Tenant: spec.GetTenant(),
		NotBeforeMs: spec.GetNotBeforeMs(), LimitKey: spec.GetLimitKey(), Limit: spec.GetLimit(), After: spec.GetAfter(),
	}
	if len(t.needs) == 0 {
		t.needs = map[string]int64{"slots": 1}
	}
	return t
}

// ofTask is any event of one task.
type ofTask interface {
	GetTaskId() string
	GetPool() string
}

// ofAttempt is any event of one attempt.
type ofAttempt interface {
	ofTask
	GetEngineId() string
	GetAttempt() int32
	GetToken() uint64
}

// lookup finds the open task that an event is of; without one that is a
// finding under the given rule, and the answer is nil.
func (w *world) lookup(where chain.At, m ofTask, rule string) *task {
	key := name{m.GetPool(), m.GetTaskId()}
	if t := w.tasks[key]; t != nil {
		return t
	}
	where.Task = key.id
	before, ok := w.past.ended(key)
	switch {
	case ok:
		w.p.Find(rule, where, "%s of a task that %s at offset %d", word(m), before.by, before.offset)
	case w.partial:
		return w.adoptTask(where, key)
	default:
		w.p.Find(rule, where, "%s of a task that was never accepted", word(m))
	}
	return nil
}

// current is lookup for an event that must be of the task's unfinished attempt.
func (w *world) current(where chain.At, m ofAttempt) *task {
	t := w.lookup(where, m, "G2")
	if t == nil {
		return nil
	}
	where.Task, where.Engine = t.id, m.GetEngineId()
	switch {
	case t.loose:
	case t.on == nil:
		w.p.Find("G2", where, "%s under token %d, but no attempt is unfinished; the last token was %d", word(m), m.GetToken(), t.token)
	case m.GetToken() != t.token:
		w.p.Find("G2", where, "%s under token %d; the current token is %d", word(m), m.GetToken(), t.token)
	case m.GetEngineId() != t.on.id:
		w.p.Find("G2", where, "%s by engine %q; the attempt is on %q", word(m), m.GetEngineId(), t.on.id)
	case m.GetAttempt() != 0 && m.GetAttempt() != t.attempt:
		w.p.Find("G2", where, "%s of attempt %d; the current attempt is %d", word(m), m.GetAttempt(), t.attempt)
	}
	return t
}

// stale checks a report that was rejected: its attempt is over, but there was
// one. An engine that reports on an attempt of which the log does not know has
// been told what never counted.
func (w *world) stale(where chain.At, m *events.TaskStaleResultRejected) {
	where.Task, where.Engine = m.GetTaskId(), m.GetEngineId()
	t := w.tasks[name{m.GetPool(), m.GetTaskId()}]
	if t != nil && t.on != nil && t.names(m) {
		w.p.Find("G2", where, "rejected as stale, but token %d is the current one", t.token)
	}
	if !w.past.given(m) && !w.before(m) {
		w.p.Find(w.p.Blame(), where, "a report under token %d, which was never given to this engine for this task: it was told of "+
			"an assignment before that counted, or acknowledged records were lost, or somebody forges reports", m.GetToken())
	}
}

// names tells whether a report is on the task's current attempt: all that it names is
// so. An incarnation and a number that it left out name nothing.
func (t *task) names(m *events.TaskStaleResultRejected) bool {
	return t.token == m.GetToken() && t.on.id == m.GetEngineId() &&
		(m.GetAttempt() == 0 || m.GetAttempt() == t.attempt) &&
		(m.GetIncarnation() == "" || m.GetIncarnation() == t.on.incarnation)
}

func (w *world) cancel(where chain.At, m *events.TaskCancelled) {
	t := w.lookup(where, m, "G1")
	if t != nil && t.on != nil && (m.GetToken() != t.token || m.GetEngineId() != t.on.id) {
		where.Task, where.Engine = t.id, t.on.id
		w.p.Find("G2", where, "cancelled on engine %q under token %d; the attempt is on %q under token %d",
			m.GetEngineId(), m.GetToken(), t.on.id, t.token)
	}
	w.end(where, t, "cancelled", m.AtMs)
}

func (w *world) end(where chain.At, t *task, by string, atMs int64) {
	if t == nil {
		return
	}
	w.release(where, t)
	t.unreserve()
	key := name{t.pool, t.id}
	delete(w.tasks, key)
	w.past.end(key, by, where.Offset, atMs)
	w.p.report.Terminal[by]++
}

// word is how an event is called in findings.
func word(m any) string {
	switch m.(type) {
	case *events.TaskStarted:
		return "started"
	case *events.TaskProgressed:
		return "progress"
	case *events.TaskSucceeded:
		return "a result"
	case *events.TaskFailed:
		return "a final error"
	case *events.TaskAssignmentRefused:
		return "a refusal"
	case *events.TaskAttemptFailed:
		return "a failed attempt"
	case *events.TaskAttemptReturned:
		return "a returned attempt"
	case *events.TaskCancelled:
		return "cancellation"
	case *events.TaskExpired:
		return "expiry"
	case *events.TaskDeadLettered:
		return "a dead letter"
	case *events.TaskRetryScheduled:
		return "a scheduled retry"
	case *events.TaskAssigned:
		return "an assignment"
	case *events.TaskReserved:
		return "a reservation"
	}
	return "an event"
}
