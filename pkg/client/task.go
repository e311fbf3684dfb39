package client

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

// Never, as a timeout, means none.
const Never time.Duration = -1

// Task is a request for work. Only Kind is needed.
type Task struct {
	// ID names the task; a fresh UUIDv7 if empty. The same ID again within a day
	// is the same task.
	ID   events.TaskID
	Pool events.Pool // "default" if empty
	// Kind names the handler.
	Kind string
	// Payload, at most 256 KiB, and its content type.
	Payload     []byte
	PayloadType string
	// Predicate is a CEL expression over engine and task; true if empty.
	Predicate string
	// Prefer is a numeric CEL expression over engine and task: of the engines that
	// could take it, one with the highest score does. No preference if empty.
	Prefer string
	// NotBefore is when it may be assigned first, at most a year ahead; at once if zero.
	NotBefore time.Time
	// Needs are what an engine must have free; {"slots": 1} if nil.
	Needs map[string]int64
	// Priority is 0 to 9, 9 most urgent; 5 if nil.
	Priority *int32
	Tenant   string
	// LimitKey names what is limited: at most Limit tasks of the pool with this key
	// run at once; one if Limit is 0. No limit if empty.
	LimitKey string
	Limit    int32
	// After are tasks of the pool, at most 64, that must have succeeded before. If
	// one of them ends otherwise, this one is cancelled.
	After []events.TaskID
	// ScheduleTimeout is how long it may wait for an engine: 0 means for ever.
	ScheduleTimeout time.Duration
	// ExecutionTimeout is how long one attempt may run: 0 means ten minutes, Never for ever.
	ExecutionTimeout time.Duration
	Retry            *Retry // 5 attempts, 1s doubling to 1m if nil
}

// Retry says how attempts that fail are repeated. What is zero has its default.
type Retry struct {
	MaxAttempts    int32
	InitialBackoff time.Duration
	MaxBackoff     time.Duration
	Multiplier     float64
	// FinalErrors are codes after which there is no further attempt.
	FinalErrors []string
}

// Request is the task in the form of the wire.
func (t Task) Request() *events.TaskRequested {
	r := &events.TaskRequested{
		TaskId:           string(t.ID),
		Pool:             string(t.Pool),
		Kind:             t.Kind,
		Payload:          t.Payload,
		PayloadType:      t.PayloadType,
		Predicate:        t.Predicate,
		Prefer:           t.Prefer,
		Priority:         t.Priority,
		Tenant:           t.Tenant,
		LimitKey:         t.LimitKey,
		ScheduleTimeout:  timeout(t.ScheduleTimeout),
		ExecutionTimeout: timeout(t.ExecutionTimeout),
	}
	if !t.NotBefore.IsZero() {
		r.NotBefore = t.NotBefore.UTC().Format(time.RFC3339Nano)
	}
	if t.Limit != 0 {
		r.Limit = &t.Limit
	}
	for _, id := range t.After {
		r.After = append(r.After, string(id))
	}
	if t.Needs != nil {
		r.Needs = make(map[string]*structpb.Value, len(t.Needs))
		for name, n := range t.Needs {
			r.Needs[name] = integer(n)
		}
	}
	if t.Retry != nil {
		r.Retry = t.Retry.request()
	}
	return r
}

// integer is n as a JSON value, which as a number would lose digits from 2^53 on.
func integer(n int64) *structpb.Value {
	const exact = 1<<53 - 1
	if n > exact || n < -exact {
		return structpb.NewStringValue(strconv.FormatInt(n, 10))
	}
	return structpb.NewNumberValue(float64(n))
}

func (p Retry) request() *events.RetryRequested {
	r := &events.RetryRequested{
		InitialBackoff: timeout(p.InitialBackoff),
		MaxBackoff:     timeout(p.MaxBackoff),
		FinalErrors:    p.FinalErrors,
	}
	if p.MaxAttempts != 0 {
		r.MaxAttempts = &p.MaxAttempts
	}
	if p.Multiplier != 0 {
		r.Multiplier = &p.Multiplier
	}
	return r
}

func timeout(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < 0:
		return "none"
	}
	return d.String()
}
