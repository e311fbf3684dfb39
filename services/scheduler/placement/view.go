package placement

import (
	"iter"
	"maps"

	"github.com/spanway/spanway/pkg/events"
)

// TaskView is a task as it is shown to people and programs. Times are in
// milliseconds since the Unix epoch, 0 meaning never.
type TaskView struct {
	ID   string `json:"id"`
	Pool string `json:"pool"`
	// State is one of pending assigned running succeeded failed expired
	// cancelled rejected dead.
	State     string           `json:"state"`
	Kind      string           `json:"kind,omitempty"`
	Predicate string           `json:"predicate,omitempty"`
	Prefer    string           `json:"prefer,omitempty"`
	Needs     map[string]int64 `json:"needs,omitempty"`
	Priority  int32            `json:"priority"`
	Tenant    string           `json:"tenant,omitempty"`
	LimitKey  string           `json:"limitKey,omitempty"`
	Limit     int32            `json:"limit,omitempty"`
	// After are the tasks that it still waits for.
	After        []string `json:"after,omitempty"`
	ReplayOf     string   `json:"replayOf,omitempty"`
	PayloadBytes int      `json:"payloadBytes,omitempty"`
	// Attempt is the number of the running, next or last attempt.
	Attempt     int32  `json:"attempt,omitempty"`
	MaxAttempts int32  `json:"maxAttempts,omitempty"`
	Token       uint64 `json:"token,omitempty"`
	Engine      string `json:"engine,omitempty"`
	AcceptedMs  int64  `json:"acceptedMs,omitempty"`
	AssignedMs  int64  `json:"assignedMs,omitempty"`
	NotBeforeMs int64  `json:"notBeforeMs,omitempty"`
	EndedMs     int64  `json:"endedMs,omitempty"`
	// Traceparent is the W3C trace context that it was asked for in, if any.
	Traceparent string `json:"traceparent,omitempty"`
	// EndedAt is the offset of its terminal event; 0 if it has not ended.
	EndedAt int64 `json:"endedAt,omitempty"`
	// Code and Message are the last error, or why it was cancelled or rejected.
	Code       string `json:"code,omitempty"`
	Message    string `json:"message,omitempty"`
	Result     []byte `json:"result,omitempty"`
	ResultType string `json:"resultType,omitempty"`
}

// Accepted shows a task as it is accepted, for those who keep a history of tasks
// beside a State.
func Accepted(m *events.TaskAccepted) TaskView {
	t := m.Task
	v := TaskView{
		ID: t.GetId(), Pool: t.GetPool(), State: "pending", Kind: t.GetKind(), Predicate: t.GetPredicate(), Prefer: t.GetPrefer(),
		Needs: t.GetNeeds(), Priority: t.GetPriority(), Tenant: t.GetTenant(), LimitKey: t.GetLimitKey(), Limit: t.GetLimit(),
		After: t.GetAfter(), ReplayOf: t.GetReplayOf(), PayloadBytes: len(t.GetPayload()), MaxAttempts: retryOf(t.GetRetry()).maxAttempts,
		AcceptedMs: m.AtMs, NotBeforeMs: t.GetNotBeforeMs(), Traceparent: t.GetTraceparent(),
	}
	if len(v.Needs) == 0 {
		v.Needs = maps.Clone(defaultNeeds)
	}
	return v
}

// Ended tells whether nothing will happen to the task any more.
func (v *TaskView) Ended() bool {
	return v.State != "pending" && v.State != "assigned" && v.State != "running"
}

// EngineView is an engine as it is shown.
type EngineView struct {
	ID          string `json:"id"`
	Pool        string `json:"pool"`
	Incarnation string `json:"incarnation"`
	// State is one of ready draining lost departed.
	State       string           `json:"state"`
	Reason      string           `json:"reason,omitempty"`
	Site        string           `json:"site,omitempty"`
	Labels      map[string]any   `json:"labels,omitempty"`
	Kinds       []string         `json:"kinds,omitempty"`
	Allocatable map[string]int64 `json:"allocatable,omitempty"`
	Free        map[string]int64 `json:"free,omitempty"`
	// Reserved is what the tasks need that it holds.
	Reserved map[string]int64 `json:"reserved,omitempty"`
	// Used is what was observed last as used, by dimension.
	Used         map[string]int64 `json:"used,omitempty"`
	Node         string           `json:"node,omitempty"`
	Accepts      string           `json:"accepts,omitempty"`
	Attempts     int              `json:"attempts"`
	RegisteredMs int64            `json:"registeredMs"`
	ChangedMs    int64            `json:"changedMs"`
	// Registration is what it said of itself; it must not be changed.
	Registration *events.Engine `json:"-"`
}

// Task shows one task: live, ended and still kept, or rejected. Of an ended task
// that is no longer kept only the offset of its end is known, and its state is "".
func (s *State) Task(name events.Pool, id events.TaskID) (TaskView, bool) {
	p := s.pools[name]
	if p != nil {
		if t := p.tasks[string(id)]; t != nil {
			return t.view(p), true
		}
	}
	key := keyOf(name, string(id))
	if k, ok := s.kept.tasks[key]; ok {
		return k.task.view(k.pool), true
	}
	if k, ok := s.succeeded.tasks[key]; ok {
		return k.task.view(k.pool), true
	}
	if ref, ok := s.rememberedBy(name, key); ok {
		return TaskView{ID: string(id), Pool: string(name), EndedAt: ref.offset}, true
	}
	if r, ok := s.kept.rejected[key]; ok {
		return rejectedView(r), true
	}
	return TaskView{}, false
}

func rejectedView(r *events.TaskRejected) TaskView {
	return TaskView{
		ID: r.TaskId, Pool: r.Pool, State: "rejected", Code: r.Code, Message: r.Message, EndedMs: r.AtMs,
	}
}

// Tasks shows a pool's tasks: rejected ones, ended ones that are kept, then live
// ones, each in order of time. The State must not change meanwhile.
func (s *State) Tasks(name events.Pool) iter.Seq[TaskView] {
	return func(yield func(TaskView) bool) {
		for _, key := range s.kept.refusals.all() {
			if r := s.kept.rejected[key]; r != nil && r.Pool == string(name) && !yield(rejectedView(r)) {
				return
			}
		}
		for k := range s.keptTasks() {
			if k.pool.name == name && !yield(k.task.view(k.pool)) {
				return
			}
		}
		p := s.pools[name]
		if p == nil {
			return
		}
		for t := p.first; t != nil; t = t.next {
			if !yield(t.view(p)) {
				return
			}
		}
	}
}

// endedAt is the offset of the event that ended t.
func (t *task) endedAt() int64 {
	if t.extra == nil {
		return 0
	}
	return t.extra.endedOffset
}

// keptTasks gives the ended tasks that are kept, succeeded or not, as they ended.
func (s *State) keptTasks() iter.Seq[kept] {
	return func(yield func(kept) bool) {
		a, b := s.kept.oldest.all(), s.succeeded.oldest.all()
		for len(a)+len(b) > 0 {
			var k kept
			switch {
			case len(b) == 0, len(a) > 0 && s.kept.tasks[a[0]].task.endedAt() < s.succeeded.tasks[b[0]].task.endedAt():
				k, a = s.kept.tasks[a[0]], a[1:]
			default:
				k, b = s.succeeded.tasks[b[0]], b[1:]
			}
			if !yield(k) {
				return
			}
		}
	}
}

func (t *task) state() string {
	switch t.status {
	case waiting:
		return "pending"
	case assigned:
		if t.started {
			return "running"
		}
		return "assigned"
	}
	return [...]string{"succeeded", "failed", "expired", "cancelled", "dead"}[t.status-succeeded]
}

func (t *task) view(p *pool) TaskView {
	v := TaskView{
		ID: t.id, Pool: string(p.name), State: t.state(), Kind: t.tmpl.kind, Predicate: t.tmpl.predicate, Prefer: t.tmpl.prefer,
		Needs: t.tmpl.shape.toMap(&p.dims), Priority: t.tmpl.priority, Tenant: t.tmpl.tenant,
		PayloadBytes: max(int(t.payloadLen), 0), Attempt: t.lastAttempt(), MaxAttempts: t.tmpl.retry.maxAttempts,
		Token: t.token, AcceptedMs: t.acceptedAt, AssignedMs: t.assignedAt, NotBeforeMs: t.notBefore,
		Engine: t.lastEngine, LimitKey: t.tmpl.limitKey, Limit: t.tmpl.limit,
	}
	if t.status != succeeded {
		v.Code, v.Message = t.lastErr.GetCode(), t.lastErr.GetMessage()
	}
	if x := t.extra; x != nil {
		v.After = x.after
		v.ReplayOf, v.Result, v.ResultType, v.Traceparent = x.replayOf, x.result, x.resultType, x.traceparent
		v.EndedMs, v.EndedAt = x.endedAt, x.endedOffset
		if t.status == cancelled {
			v.Code, v.Message = "", x.cancelReason
		}
	}
	return v
}

// lastAttempt is the number of the running or next attempt, or of the last one
// if there will be none.
func (t *task) lastAttempt() int32 {
	if t.status == dead {
		return t.failures
	}
	return t.attempt()
}

// Engines shows a pool's engines in the order of their first registration,
// including those that left lately.
func (s *State) Engines(name events.Pool) iter.Seq[EngineView] {
	return func(yield func(EngineView) bool) {
		p := s.pools[name]
		if p == nil {
			return
		}
		for _, e := range p.known {
			if !yield(e.view(p)) {
				return
			}
		}
	}
}

func (e *engine) view(p *pool) EngineView {
	v := EngineView{
		ID: e.id, Pool: string(p.name), Incarnation: e.incarnation, State: e.status.String(), Reason: e.reason,
		Site: e.registered.Site, Kinds: e.registered.Kinds, Allocatable: e.registered.Allocatable,
		Attempts: e.attempts, RegisteredMs: e.registeredAt, ChangedMs: e.changedAtMs,
		Registration: e.registered,
		Labels:       make(map[string]any, len(e.registered.Labels)), Free: make(map[string]int64, len(e.free)),
		Reserved: make(map[string]int64),
	}
	for t := e.first; t != nil; t = t.attemptNext {
		for _, n := range t.tmpl.shape.needs {
			v.Reserved[p.dims.names[n.dim]] += n.amount
		}
	}
	for name, l := range e.registered.Labels {
		v.Labels[name] = l.AsInterface()
	}
	v.Node, v.Accepts = e.registered.Node, e.registered.Accepts
	for i, x := range e.used {
		if x >= 0 {
			if v.Used == nil {
				v.Used = make(map[string]int64)
			}
			v.Used[p.dims.names[i]] = x
		}
	}
	for i, x := range e.free {
		if x >= 0 {
			v.Free[p.dims.names[i]] = x
		}
	}
	return v
}
