package placement

import (
	"strings"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

type status uint8

const (
	waiting status = iota
	assigned
	succeeded
	failed
	expired
	cancelled
	dead
)

// fate is what a task still owes the log: an event that its folded state asks
// for. Whoever owns the log next finds it there.
type fate uint8

const (
	none fate = iota
	// owesRetry: its attempt failed; TaskRetryScheduled follows.
	owesRetry
	// owesDeath: its attempts are used up; TaskDeadLettered follows.
	owesDeath
	// owesCancel: a bulk cancel matched it; TaskCancelled follows.
	owesCancel
)

// task is an accepted task. There may be millions: what many have in common
// stands in the template.
type task struct {
	id   string
	tmpl *template
	// payload is nil unless it is in memory; see payload.go.
	payload []byte
	// payloadAt is the offset of the event that holds the payload; 0 if it has none.
	payloadAt int64
	// extra is nil unless the task has a trace, a notBefore, or replays another.
	extra *extra

	seq        uint64
	acceptedAt int64
	// notBefore is before when it is not assigned: until the end of a backoff, or
	// the request's own time; 0 if there is none.
	notBefore  int64
	assignedAt int64
	// token of the running or, while waiting, of the last attempt.
	token  uint64
	engine *engine
	// lastEngine is the ID of the engine of the running or last attempt.
	lastEngine string
	lastErr    *events.TaskError
	// epoch and n name the event that assigned it last, as receipts do.
	epoch, n uint32
	failures int32
	// payloadLen is in bytes, or payloadUnknown.
	payloadLen int32
	// owed names the debt that counts; 0 if there is none.
	owed    uint32
	status  status
	fate    fate
	started bool
	// ran: it was taken by an engine, so the schedule timeout is met.
	ran bool
	// reported: the last attempt was ended by its engine's own report.
	reported bool
	// payloadGone: this host could not read it. Not folded.
	payloadGone bool
	// timer is the place in the timer heap plus one; due its time. Not folded.
	timer int32
	due   int64
	// since is when it came to wait last: came back from an engine, or had waited for
	// others; 0 if it did not, or if that is not known. Not folded.
	since int64

	// Accepted and not ended, in order of acceptance.
	prev, next *task
	// Attempts on the same engine, in order of assignment.
	attemptPrev, attemptNext *task

	group *group
}

// extra is what few tasks have.
type extra struct {
	traceparent, tracestate, replayOf string
	// notBefore is that of the request.
	notBefore int64
	// reason of a cancel that is owed or done.
	cancelReason string
	// after are the tasks that it still waits for; since what the log had lived
	// when it began to.
	after       []string
	since       int64
	result      []byte
	resultType  string
	endedAt     int64
	endedOffset int64
}

func (t *task) extras() *extra {
	if t.extra == nil {
		t.extra = &extra{}
	}
	return t.extra
}

// postponed tells whether it waits for the time that its request gave.
func (t *task) postponed(now int64) bool { return t.token == 0 && t.notBefore > now }

// enlist takes in a task that has not ended.
func (p *pool) enlist(t *task) {
	if t.prev = p.last; p.last != nil {
		p.last.next = t
	} else {
		p.first = t
	}
	p.last = t
	p.tasks[t.id] = t
}

func (t *task) ended() bool { return t.status > assigned }

// attempt is the number of the running or next attempt, from 1.
func (t *task) attempt() int32 { return t.failures + 1 }

// agingMs: waiting for that long counts as one level of priority.
const agingMs = 60_000

// waitsSince is when the task began to wait, which is not before its time.
func (t *task) waitsSince() int64 {
	if x := t.extra; x != nil && x.notBefore > t.acceptedAt {
		return x.notBefore
	}
	return t.acceptedAt
}

// waitsFrom is since when it could have been assigned, without the time in which it was
// with engines, paused, or waited for others. Of what it waits in order, that is no part.
func (t *task) waitsFrom() int64 { return max(t.waitsSince(), t.notBefore, t.since) }

// order is the task's place among those that wait: who has the lower one goes
// first. It does not depend on the time, although it makes tasks age.
func (t *task) order() int64 { return t.waitsSince() - int64(t.tmpl.priority)*agingMs }

func (t *task) before(u *task) bool {
	if a, b := t.order(), u.order(); a != b {
		return a < b
	}
	return t.seq < u.seq
}

// template is what tasks of one kind usually share. It is interned in its pool.
type template struct {
	templateKey
	refs    int
	share   *share
	limiter *limiter
	// group is where its tasks wait, if that depends on nothing else. Not folded.
	group *group
}

type templateKey struct {
	kind, predicate, payloadType, tenant string
	prefer                               string
	shape                                *shape
	priority                             int32
	scheduleTimeout, executionTimeout    int64
	retry                                retryPolicy
	limitKey                             string
	limit                                int32
}

// retryPolicy is comparable; final errors are joined by a zero byte.
type retryPolicy struct {
	maxAttempts      int32
	initialMs, maxMs int64
	multiplier       float64
	finalErrors      string
}

var defaultRetry = asked(request.DefaultRetry())

func retryOf(m *events.RetryPolicy) retryPolicy {
	if m == nil {
		return defaultRetry
	}
	return asked(m)
}

func asked(m *events.RetryPolicy) retryPolicy {
	return retryPolicy{
		maxAttempts: m.MaxAttempts, initialMs: m.InitialBackoffMs, maxMs: m.MaxBackoffMs,
		multiplier: m.Multiplier, finalErrors: strings.Join(m.FinalErrors, "\x00"),
	}
}

func (r retryPolicy) message() *events.RetryPolicy {
	if r == defaultRetry {
		return nil
	}
	m := &events.RetryPolicy{
		MaxAttempts: r.maxAttempts, InitialBackoffMs: r.initialMs, MaxBackoffMs: r.maxMs, Multiplier: r.multiplier,
	}
	if r.finalErrors != "" {
		m.FinalErrors = strings.Split(r.finalErrors, "\x00")
	}
	return m
}

// isFinal tells whether an error of that code must not be tried again.
func (r retryPolicy) isFinal(code string) bool {
	if r.finalErrors == "" || code == "" {
		return false
	}
	for c := range strings.SplitSeq(r.finalErrors, "\x00") {
		if c == code {
			return true
		}
	}
	return false
}

// backoff before the attempt that follows failure number n, in milliseconds,
// without jitter.
func (r retryPolicy) backoff(n int32) int64 {
	d := float64(r.initialMs)
	for i := int32(1); i < n && d < float64(r.maxMs); i++ {
		d *= r.multiplier
	}
	if d = min(d, float64(r.maxMs)); d >= 0 && d <= lastMs {
		return int64(d)
	}
	return 0 // No request may ask for that.
}

// templateOf returns the pool's template of that task.
func (p *pool) templateOf(m *events.Task) *template {
	key := templateKey{
		kind: m.Kind, predicate: m.Predicate, payloadType: m.PayloadType, tenant: m.Tenant, prefer: m.Prefer,
		shape: p.shapeOf(m.Needs), priority: m.Priority,
		scheduleTimeout: moment(m.ScheduleTimeoutMs), executionTimeout: moment(m.ExecutionTimeoutMs), retry: retryOf(m.Retry),
		limitKey: m.LimitKey, limit: m.Limit,
	}
	tm := p.internTemplate(key)
	tm.refs++
	return tm
}

func (p *pool) internTemplate(key templateKey) *template {
	tm, ok := p.templates[key]
	if !ok {
		tm = &template{templateKey: key, share: p.level(key.priority).shareOf(key.tenant), limiter: p.limiterOf(key.limitKey)}
		p.templates[key] = tm
		key.shape.refs++
		tm.share.refs++
	}
	return tm
}

// maxIdleTemplates bounds the templates that wait for their next task.
const maxIdleTemplates = 1024

// dropTemplate is called when a task of tm is forgotten.
func (p *pool) dropTemplate(tm *template) {
	if tm.refs--; tm.refs > 0 {
		return
	}
	p.idleTemplates = append(p.idleTemplates, tm)
	for len(p.idleTemplates) > maxIdleTemplates {
		old := p.idleTemplates[0]
		p.idleTemplates = p.idleTemplates[1:]
		if old.refs > 0 || p.templates[old.templateKey] != old {
			continue
		}
		delete(p.templates, old.templateKey)
		old.share.refs--
		p.dropLimiter(old.limiter)
		if old.shape.refs--; old.shape.refs == 0 {
			delete(p.shapes, old.shape.key)
		}
	}
}

// message is the task as events carry it.
func (t *task) message(p *pool) *events.Task {
	m := &events.Task{
		Id: t.id, Pool: string(p.name), Kind: t.tmpl.kind, Payload: t.payload, PayloadType: t.tmpl.payloadType,
		Predicate: t.tmpl.predicate, Prefer: t.tmpl.prefer, Priority: t.tmpl.priority, Tenant: t.tmpl.tenant,
		ScheduleTimeoutMs: t.tmpl.scheduleTimeout, ExecutionTimeoutMs: t.tmpl.executionTimeout,
		Retry: t.tmpl.retry.message(), LimitKey: t.tmpl.limitKey, Limit: t.tmpl.limit,
	}
	if t.tmpl.shape != p.oneSlot {
		m.Needs = t.tmpl.shape.toMap(&p.dims)
	}
	if t.extra != nil {
		m.Traceparent, m.Tracestate, m.ReplayOf = t.extra.traceparent, t.extra.tracestate, t.extra.replayOf
		m.After = t.extra.after
		m.NotBeforeMs = t.extra.notBefore
	}
	return m
}
