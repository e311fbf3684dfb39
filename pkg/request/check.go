package request

import (
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
)

// Checker checks requests. It is safe for concurrent use.
type Checker struct {
	predicates *predicate.Cache
}

// New makes a Checker that compiles expressions with that cache; with one of its
// own if it is nil.
func New(predicates *predicate.Cache) *Checker {
	if predicates == nil {
		predicates = predicate.NewCache(0)
	}
	return &Checker{predicates}
}

// Expressions are those of a task, compiled. Prefer is nil if it has none.
type Expressions struct {
	Predicate *predicate.Predicate
	Prefer    *predicate.Preference
}

// Check makes of a request the task that it asks for. The request must name its
// task. It refuses what every scheduler would refuse; the error is a
// *events.Malformed.
func (c *Checker) Check(m *events.TaskRequested) (*events.Task, error) {
	t := &events.Task{}
	return t, c.check(t, m)
}

// Valid is Check at a time, in milliseconds since the Unix epoch, without the task: it
// makes one where it costs nothing.
func (c *Checker) Valid(m *events.TaskRequested, nowMs int64) error {
	var t events.Task
	if err := c.check(&t, m); err != nil {
		return err
	}
	return CheckAhead(&t, nowMs)
}

func (c *Checker) check(t *events.Task, m *events.TaskRequested) error {
	pool, err := Pool(m.Pool, nil)
	if err == nil {
		_, err = c.Task(t, pool, m.TaskId, m)
	}
	return err
}

// Pool is the pool that a record names, in itself or by its key. The error is a
// *events.Malformed.
func Pool(named string, key []byte) (events.Pool, error) {
	if named == "" {
		named = string(key)
	}
	if named == "" {
		return events.DefaultPool, nil
	}
	return events.Pool(named), events.CheckID("pool", named)
}

// Task makes t, which is empty, of a request: the task with that ID in that pool.
// It fills in what the request leaves out, and checks what it says. The error is a
// *events.Malformed, and then t is of no use.
func (c *Checker) Task(t *events.Task, pool events.Pool, id string, m *events.TaskRequested) (x Expressions, err error) {
	if err := events.CheckID("taskId", id); err != nil {
		return x, err
	}
	if err := events.CheckID("kind", m.Kind); err != nil {
		return x, err
	}
	if err := checkReplay(m); err != nil {
		return x, err
	}
	t.Id, t.Pool, t.Kind, t.Payload, t.PayloadType = id, string(pool), m.Kind, m.Payload, m.PayloadType
	t.Predicate, t.Prefer, t.Priority, t.Tenant, t.ReplayOf = m.Predicate, m.Prefer, defaultPriority, m.Tenant, m.ReplayOf
	if err := fillPayload(t, m); err != nil {
		return x, err
	}
	if m.Priority != nil {
		if t.Priority = *m.Priority; t.Priority < 0 || t.Priority > 9 {
			return x, bad("priority is %d; it goes from 0 to 9, 9 being the most urgent", t.Priority)
		}
	}
	if m.Tenant != "" {
		if err := events.CheckID("tenant", m.Tenant); err != nil {
			return x, err
		}
	}
	if t.Needs, err = parseNeeds(m.Needs); err != nil {
		return x, err
	}
	if t.ScheduleTimeoutMs, err = parseTimeout("scheduleTimeout", m.ScheduleTimeout, 0); err != nil {
		return x, err
	}
	if t.ExecutionTimeoutMs, err = parseTimeout("executionTimeout", m.ExecutionTimeout, defaultTimeout); err != nil {
		return x, err
	}
	if t.Retry, err = parseRetry(m.Retry); err != nil {
		return x, err
	}
	if t.NotBeforeMs, err = parseNotBefore(m.NotBefore); err != nil {
		return x, err
	}
	if err = fillLimit(t, m); err != nil {
		return x, err
	}
	if t.After, err = checkDependencies(t.Id, m.After); err != nil {
		return x, err
	}
	if err := checkText("prefer", t.Prefer); err != nil {
		return x, err
	}
	if err := checkText("predicate", t.Predicate); err != nil {
		return x, err
	}
	if x.Prefer, err = c.predicates.Prefer(t.Prefer); err != nil {
		return x, err
	}
	x.Predicate, err = c.predicates.Compile(t.Predicate)
	return x, err
}

func checkReplay(m *events.TaskRequested) error {
	if m.ReplayOf == "" {
		return nil
	}
	if err := events.CheckID("replayOf", m.ReplayOf); err != nil {
		return err
	}
	if m.TaskId != "" {
		return bad("taskId and replayOf are both given; a replay gets its ID, %.100q and a number, from the scheduler", m.ReplayOf+".r")
	}
	return nil
}

func bad(format string, args ...any) error {
	return events.Refuse(events.CodeBadData, format, args...)
}
