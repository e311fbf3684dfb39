package replay

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// consequence begins the reason of a cancel that the core decided, because the task
// waited for another that failed.
const consequence = string(events.CodeDependencyFailed) + ": "

// Window selects the requests to run again: those accepted from From until To, and
// those that had not ended when it began. Whatever the window, the record is read
// to its end, because that is where it says how long attempts took.
type Window struct{ From, To Bound }

// Recorder makes a Recording of a log. Feed it every event that counts, from the
// first that is kept.
type Recorder struct {
	window Window
	rec    *Recording
	live   map[string]*Request
	// open are the requests with an attempt under way, by the engine's incarnation.
	open map[string][]*Request
	// present is the incarnation of each engine.
	present map[string]string
	turn    int64
	// placed: a placement stands between this turn and what comes next.
	placed bool
	begun  bool
	lastMs int64
}

// NewRecorder makes a recorder of one pool.
func NewRecorder(pool events.Pool, w Window) *Recorder {
	return &Recorder{
		window: w, rec: &Recording{Pool: pool}, live: make(map[string]*Request),
		open: make(map[string][]*Request), present: make(map[string]string),
	}
}

// Apply takes the next event; it keeps what the event refers to. Events of other
// pools are ignored.
func (r *Recorder) Apply(l events.Logged) {
	at := r.moment(l)
	switch m := l.Message.(type) {
	case *events.LogFoldVersionRaised:
		r.step(at, m)
	case *events.TaskAccepted:
		if m.Task.GetPool() == string(r.rec.Pool) {
			r.accepted(at, m.Task)
		}
	case *events.EngineRegistered:
		if m.Engine.GetPool() == string(r.rec.Pool) {
			r.leave(r.present[m.Engine.Id], at)
			r.present[m.Engine.Id] = m.Engine.Incarnation
			r.step(at, m)
		}
	case interface{ GetPool() string }:
		if m.GetPool() == string(r.rec.Pool) {
			r.apply(at, l.Message)
		}
	}
}

// moment places an event. What is not dated stands where the one before it does.
func (r *Recorder) moment(l events.Logged) moment {
	switch l.Message.(type) {
	case *events.TaskAssigned, *events.TaskReserved:
		r.placed = true
	default:
		if r.placed {
			r.placed = false
			r.turn++
		}
	}
	if e, ok := l.Message.(interface{ GetAtMs() int64 }); ok {
		r.lastMs = max(r.lastMs, e.GetAtMs())
	}
	m := moment{r.lastMs, l.Offset, r.turn}
	if !r.begun && m.ms > 0 && r.window.From.begun(m) {
		r.begun, r.rec.FromMs = true, m.ms
		if r.window.From.kind == byTime {
			r.rec.FromMs = r.window.From.value
		}
	}
	return m
}

func (r *Recorder) step(at moment, m proto.Message) { r.rec.steps = append(r.rec.steps, step{at, m}) }

func (r *Recorder) apply(at moment, m proto.Message) {
	switch m := m.(type) {
	case *events.TaskAssigned:
		if q := r.live[m.TaskId]; q != nil {
			q.attempts = append(q.attempts, attempt{engine: m.EngineId, incarnation: m.Incarnation, token: m.Token, from: at})
			r.open[m.Incarnation] = append(r.open[m.Incarnation], q)
		}
	case *events.TaskSucceeded:
		r.finish(at, m, success, nil)
		r.end(at, m.TaskId, succeeded)
	case *events.TaskFailed:
		r.finish(at, m, final, m.Error)
		r.end(at, m.TaskId, failed)
	case *events.TaskAttemptFailed:
		r.finish(at, m, failure, m.Error)
	case *events.TaskAttemptReturned:
		r.finish(at, m, cut, nil)
	case *events.TaskAssignmentRefused:
		r.finish(at, m, cut, nil)
	case *events.TaskExpired:
		r.end(at, m.TaskId, expired)
	case *events.TaskDeadLettered:
		r.end(at, m.TaskId, dead)
	case *events.TaskCancelled:
		if q := r.live[m.TaskId]; q != nil && !strings.HasPrefix(m.Reason, consequence) {
			q.cancelled = at
		}
		r.end(at, m.TaskId, cancelled)
	case *events.EngineLost:
		r.leave(m.Incarnation, at)
		r.step(at, m)
	case *events.EngineDeparted:
		r.leave(m.Incarnation, at)
		r.step(at, m)
	case *events.PoolPromoted: // They were asked for at another site.
		r.rec.leftOut += int(m.Tasks)
	case *events.EngineDraining, *events.EngineResumed, *events.EngineObserved, *events.PoolConfigured:
		r.step(at, m)
	}
}

func (r *Recorder) accepted(at moment, t *events.Task) {
	if r.live[t.Id] != nil || r.window.To.over(at) {
		return
	}
	t.Payload = nil
	q := &Request{Task: t, AcceptedMs: at.ms, at: at}
	r.live[t.Id] = q
	r.rec.Requests = append(r.rec.Requests, q)
}

// attempted is what events of an attempt say.
type attempted interface {
	GetTaskId() string
	GetToken() uint64
}

func (r *Recorder) finish(at moment, m attempted, how outcome, err *events.TaskError) {
	q := r.live[m.GetTaskId()]
	if q == nil || len(q.attempts) == 0 {
		return
	}
	if a := &q.attempts[len(q.attempts)-1]; a.how == open && a.token == m.GetToken() {
		r.close(q, a, at, how)
		a.err = err
	}
}

func (r *Recorder) close(q *Request, a *attempt, at moment, how outcome) {
	a.to, a.how = at, how
	list := r.open[a.incarnation]
	if i := slices.Index(list, q); i >= 0 {
		list[i] = list[len(list)-1]
		r.open[a.incarnation] = list[:len(list)-1]
	}
}

// leave ends the attempts of an incarnation that is gone.
func (r *Recorder) leave(incarnation string, at moment) {
	for _, q := range r.open[incarnation] {
		a := &q.attempts[len(q.attempts)-1]
		a.to, a.how = at, cut
	}
	delete(r.open, incarnation)
}

func (r *Recorder) end(at moment, id string, how end) {
	q := r.live[id]
	if q == nil {
		return
	}
	if n := len(q.attempts); n > 0 && q.attempts[n-1].how == open {
		r.close(q, &q.attempts[n-1], at, cut)
	}
	q.end, q.endedMs, q.endedAt = how, at.ms, at.offset
	delete(r.live, id)
}

// Recording returns what was recorded.
func (r *Recorder) Recording() *Recording {
	rec := r.rec
	rec.ToMs = max(r.lastMs, rec.FromMs)
	if !r.begun {
		rec.FromMs = rec.ToMs
	}
	rec.before = make(map[string]bool)
	rec.Requests = slices.DeleteFunc(rec.Requests, func(q *Request) bool {
		if q.end <= running || r.window.From.begun(moment{q.endedMs, q.endedAt, 0}) {
			return false
		}
		rec.before[q.Task.Id] = true
		return true
	})
	// Where nothing is carried into the window, it is the first request that begins it:
	// time in which nothing was asked for is no part of any makespan.
	if n := len(rec.Requests); n > 0 && r.window.From.begun(rec.Requests[0].at) {
		rec.FromMs = max(rec.FromMs, rec.Requests[0].AcceptedMs)
	}
	for _, q := range rec.Requests {
		if n := len(q.attempts); n > 0 && q.attempts[n-1].how == open {
			q.end = running
		}
		if !r.window.From.begun(q.at) {
			q.carry(r.window.From, rec.FromMs)
		}
	}
	rec.works = measure(rec)
	rec.ids = make(map[string]bool, len(rec.Requests))
	for _, q := range rec.Requests {
		rec.ids[q.Task.Id] = true
	}
	return rec
}

// carry makes a request one that arrives when the window begins: what it has done
// before is done, an attempt under way goes on.
func (q *Request) carry(from Bound, fromMs int64) {
	q.at = moment{fromMs, unplaced, unplaced}
	q.attempts = slices.DeleteFunc(q.attempts, func(a attempt) bool {
		return a.how != open && !from.begun(a.to)
	})
	for i := range q.attempts {
		q.attempts[i].from.ms = max(q.attempts[i].from.ms, fromMs)
	}
}

// carried tells whether the request is older than the window.
func (q *Request) carried() bool { return q.at.offset < 0 }
