package placement

import (
	"errors"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
)

// Reason says why a task waits. Reasons are stable; the first that applies holds.
type Reason string

// The waiting reasons of wire.md, by precedence.
const (
	NotRead          Reason = "NOT_READ"
	Replaced         Reason = "REPLACED"
	NotBefore        Reason = "NOT_BEFORE"
	After            Reason = "AFTER"
	Backoff          Reason = "BACKOFF"
	AtLimit          Reason = "LIMITED"
	Impossible       Reason = "IMPOSSIBLE"
	NoEngine         Reason = "NO_ENGINE"
	KindUnhandled    Reason = "KIND_UNHANDLED"
	UnknownAttribute Reason = "UNKNOWN_ATTRIBUTE"
	PredicateFalse   Reason = "PREDICATE_FALSE"
	NotAccepted      Reason = "NOT_ACCEPTED"
	NoCapacity       Reason = "NO_CAPACITY"
)

// What an engine is for the task explained.
const (
	FindLost      = "LOST"
	FindDraining  = "DRAINING"
	FindKind      = "KIND_UNHANDLED"
	FindPredicate = "PREDICATE_FALSE"
	FindAccepts   = "NOT_ACCEPTED"
	FindCapacity  = "NO_CAPACITY"
	FindFits      = "FITS"
)

// Explanation is the answer to `task why`: what is so at Offset of Log.
type Explanation struct {
	Task      string `json:"task"`
	Pool      string `json:"pool"`
	State     string `json:"state"`
	Reason    Reason `json:"reason,omitempty"`
	Log       string `json:"log"`
	Partition int32  `json:"partition"`
	// Offset: everything below it was folded.
	Offset int64 `json:"offset"`
	// ForMs is how long the task has been in its state.
	ForMs       int64            `json:"for_ms"`
	Engine      string           `json:"engine,omitempty"`
	Attempt     int32            `json:"attempt"`
	NotBeforeMs int64            `json:"not_before_ms,omitempty"`
	Predicate   string           `json:"predicate,omitempty"`
	Prefer      string           `json:"prefer,omitempty"`
	Needs       map[string]int64 `json:"needs,omitempty"`
	Counts      Counts           `json:"counts"`
	Engines     []Finding        `json:"engines,omitempty"`
	Clauses     []Clause         `json:"clauses,omitempty"`
	// Never says what of the predicate can be true of no engine that there is, such as
	// that a label which is a number is compared with a string.
	Never []string `json:"never,omitempty"`
	// Closest is the engine, of those whose predicate is true, that lacks least.
	Closest *Finding `json:"closest,omitempty"`
	// Ahead counts the waiting tasks of the pool that go first; AheadHigher those
	// of them that were submitted with a higher priority.
	// After lists the first of the AfterCount tasks that it waits for.
	After      []string `json:"after,omitempty"`
	AfterCount int      `json:"after_count,omitempty"`
	Limited    *Limited `json:"limited,omitempty"`
	// Reserved is the engine that is reserved for it, ReservedForMs for how long.
	Reserved      string `json:"reserved,omitempty"`
	ReservedForMs int64  `json:"reserved_for_ms,omitempty"`

	Ahead       int      `json:"ahead"`
	AheadHigher int      `json:"ahead_higher"`
	WakesOn     []string `json:"wakes_on,omitempty"`
	// IfOnly are single changes of the task that would help.
	IfOnly []Suggestion `json:"if_only,omitempty"`
	// Takes is the engine that would get the task now; only of ExplainRequest.
	Takes string `json:"takes,omitempty"`
}

// Counts sorts the engines that matter by what they are for the task.
type Counts struct {
	Engines       int `json:"engines"`
	Lost          int `json:"lost"`
	Draining      int `json:"draining"`
	KindUnhandled int `json:"kind_unhandled"`
	// PredicateFalse includes evaluations that ended in an error.
	PredicateFalse int `json:"predicate_false"`
	// NotAccepted counts engines whose predicate is true, and that do not accept the task.
	NotAccepted int `json:"not_accepted"`
	// Fit counts engines whose predicate is true and that accept the task,
	// WithCapacity those of them with room.
	Fit          int `json:"fit"`
	WithCapacity int `json:"with_capacity"`
	// Reserved counts engines with room that is reserved for a larger task.
	Reserved int `json:"reserved,omitempty"`
}

// Finding is what one engine is for the task.
type Finding struct {
	Engine string `json:"engine"`
	Result string `json:"result"`
	// FalseClauses are those that were not true.
	FalseClauses []string `json:"false_clauses,omitempty"`
	Error        string   `json:"error,omitempty"`
	// NotAccepted is what the engine accepts instead.
	NotAccepted string `json:"not_accepted,omitempty"`
	// Short is what it lacks as reserved for others, ShortMeasured what by the usage
	// that it measures.
	Short         map[string]int64 `json:"short,omitempty"`
	ShortMeasured map[string]int64 `json:"short_measured,omitempty"`
	// ReservedFor is the task that the engine's room is reserved for.
	ReservedFor string `json:"reserved_for,omitempty"`
	// Score is what the task's prefer gives for an engine whose predicate is true;
	// absent if it gives an error, which ScoreError is.
	Score      *float64 `json:"score,omitempty"`
	ScoreError string   `json:"score_error,omitempty"`

	lack float64
	// index is the engine's among the pool's present engines.
	index int
}

// Clause is one part of the predicate, and on how many ready engines it is true.
type Clause struct {
	Text string `json:"text"`
	True int    `json:"true"`
	// RemovesMost marks the clause that is true on the fewest.
	RemovesMost bool `json:"removes_most,omitempty"`
}

// lostShownMs is how long a lost engine is counted.
const lostShownMs = 60 * 60 * 1000

// Explain says why a task waits, or where it is; nowMs is the time of asking, or
// of the newest event if that is later. It changes nothing. False if no such
// task is known.
func (s *State) Explain(name events.Pool, id events.TaskID, nowMs int64) (Explanation, bool) {
	nowMs = max(nowMs, s.newest)
	x := s.explanation(name, id)
	p := s.pools[name]
	if p == nil || p.tasks[string(id)] == nil {
		v, ok := s.Task(name, id)
		if x.State = v.State; v.State == "" {
			x.State = "ended"
		}
		x.Engine, x.Attempt = v.Engine, v.Attempt
		if v.EndedMs > 0 {
			x.ForMs = max(nowMs-v.EndedMs, 0)
		}
		return x, ok
	}
	t := p.tasks[string(id)]
	ex := explainer{x: &x, p: p, t: t, now: nowMs}
	ex.describe()
	if t.status == assigned {
		x.Engine, x.ForMs = t.engine.id, max(nowMs-t.assignedAt, 0)
		return x, true
	}
	x.ForMs = max(nowMs-t.acceptedAt, 0)
	ex.judgeAll(s.cfg.Predicates)
	x.Reason = ex.reason()
	x.WakesOn, x.IfOnly = ex.wakesOn(), ex.suggest()
	return x, true
}

// explanation says what is asked, and of which state.
func (s *State) explanation(name events.Pool, id events.TaskID) Explanation {
	return Explanation{
		Task: string(id), Pool: string(name), Log: s.cfg.Topics.Events(), Partition: s.cfg.Partition,
		Offset: s.next,
	}
}

type explainer struct {
	x       *Explanation
	p       *pool
	t       *task
	now     int64
	pred    *predicate.Predicate
	prefer  *predicate.Preference
	clauses []*predicate.Predicate
	// ready engines, those of them that know all attributes.
	ready, known int
	// paused: a draining engine handles the kind; measured: one lacks room by what
	// is observed.
	paused, measured bool
}

// describe says what the task is.
func (ex *explainer) describe() {
	x, t := ex.x, ex.t
	x.State, x.Attempt, x.Predicate, x.Prefer = t.state(), t.attempt(), t.tmpl.predicate, t.tmpl.prefer
	x.Needs = t.tmpl.shape.toMap(&ex.p.dims)
}

// judgeAll finds what every engine is for the task.
func (ex *explainer) judgeAll(cache *predicate.Cache) {
	ex.compile(cache)
	for _, e := range ex.p.known {
		ex.judge(e)
	}
	ex.markClause()
	ex.explainNever()
	ex.countAhead()
	ex.explainOrder()
}

func (ex *explainer) compile(cache *predicate.Cache) {
	pred, err := cache.Compile(ex.t.tmpl.predicate)
	if err != nil {
		pred = predicate.Never(ex.t.tmpl.predicate)
	}
	ex.pred, ex.clauses = pred, pred.Clauses()
	ex.prefer, _ = cache.Prefer(ex.t.tmpl.prefer) // Accepted under other limits: no preference.
	for _, c := range ex.clauses {
		ex.x.Clauses = append(ex.x.Clauses, Clause{Text: c.Text()})
	}
}

// judge finds what e is for the task.
func (ex *explainer) judge(e *engine) {
	c := &ex.x.Counts
	f := Finding{Engine: e.id, index: e.index}
	switch e.status {
	case departed:
		return
	case lost:
		if ex.now-e.changedAtMs > lostShownMs {
			return
		}
		c.Lost++
		f.Result = FindLost
	case draining:
		c.Draining++
		ex.paused = ex.paused || ex.handles(e)
		f.Result = FindDraining
	default:
		ex.ready++
		ex.judgeReady(e, &f)
	}
	c.Engines++
	ex.x.Engines = append(ex.x.Engines, f)
	if f.Result == FindCapacity && (ex.x.Closest == nil || f.lack < ex.x.Closest.lack) {
		ex.x.Closest = &f
	}
}

// handles: only a request that nobody has sent may be of no kind, which is any.
func (ex *explainer) handles(e *engine) bool {
	_, ok := e.class.kinds[ex.t.tmpl.kind]
	return ok || ex.t.tmpl.kind == ""
}

// judgeReady counts what is true of a clause among the engines that handle the
// task's kind: the others are out of the question, whatever their labels.
func (ex *explainer) judgeReady(e *engine, f *Finding) {
	c := &ex.x.Counts
	if !ex.handles(e) {
		c.KindUnhandled++
		f.Result = FindKind
		return
	}
	source := &evaluation{pool: ex.p, class: e.class, engine: e, task: askerOf(ex.t)}
	for i, clause := range ex.clauses {
		if ok, _ := clause.Eval(source); ok {
			ex.x.Clauses[i].True++
		} else {
			f.FalseClauses = append(f.FalseClauses, clause.Text())
		}
	}
	ok, err := ex.pred.Eval(source)
	if !errors.Is(err, predicate.ErrUnknownAttribute) {
		ex.known++
	}
	if !ok {
		c.PredicateFalse++
		f.Result = FindPredicate
		if err != nil {
			f.Error = err.Error()
		}
		return
	}
	if !ex.accepted(e, source, f) {
		c.NotAccepted++
		f.Result = FindAccepts
		return
	}
	c.Fit++
	ex.score(source, f)
	f.Result = FindCapacity
	switch {
	case !ex.t.tmpl.shape.fits(e.room):
	case !e.takes(ex.t):
		c.Reserved++
		f.ReservedFor = e.reservedFor.id
	default:
		c.WithCapacity++
		f.Result = FindFits
		return
	}
	f.lack = ex.shortage(e, f)
}

func (ex *explainer) markClause() {
	fewest := -1
	for i, c := range ex.x.Clauses {
		if c.True < ex.ready-ex.x.Counts.KindUnhandled && (fewest < 0 || c.True < ex.x.Clauses[fewest].True) {
			fewest = i
		}
	}
	if fewest >= 0 {
		ex.x.Clauses[fewest].RemovesMost = true
	}
}

func (ex *explainer) countAhead() {
	for t := ex.p.first; t != nil; t = t.next {
		if t.status == waiting && t != ex.t && t.before(ex.t) {
			ex.x.Ahead++
			if t.tmpl.priority > ex.t.tmpl.priority {
				ex.x.AheadHigher++
			}
		}
	}
}

func (ex *explainer) reason() Reason {
	c := ex.x.Counts
	switch {
	case ex.p.replaced:
		return Replaced
	case ex.t.postponed(ex.now):
		ex.x.NotBeforeMs = ex.t.notBefore
		return NotBefore
	case ex.t.dependent():
		return After
	case ex.t.fate == owesRetry || ex.t.notBefore > ex.now:
		ex.x.NotBeforeMs = ex.t.notBefore
		return Backoff
	case ex.limited():
		return AtLimit
	case len(ex.p.largest) > 0 && !ex.everFit():
		return Impossible
	case ex.ready == 0, ex.paused && c.KindUnhandled == ex.ready:
		return NoEngine // None that is ready; a resumed one might do.
	case c.KindUnhandled == ex.ready:
		return KindUnhandled
	case c.Fit == 0 && ex.known == 0:
		return UnknownAttribute
	case c.Fit == 0 && c.NotAccepted == 0:
		return PredicateFalse
	case c.Fit == 0:
		return NotAccepted
	case c.WithCapacity > 0:
		return NotRead // It could run: nobody who decides has come to it yet.
	}
	return NoCapacity
}

// everFit tells whether any engine ever had enough, were it empty.
func (ex *explainer) everFit() bool {
	for _, v := range ex.p.largest {
		if ex.t.tmpl.shape.fits(v) {
			return true
		}
	}
	return false
}
