package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

var topics = events.Topics{Prefix: events.DefaultPrefix}

// memory is a broker in memory.
type memory struct {
	mu   sync.Mutex
	logs map[string][]events.Record
	grew map[string]chan struct{} // closed when the log grows
	// cut makes what is sent vanish without an answer.
	cut bool
	// refuse answers records whose value is larger with a refusal, if > 0.
	refuse int
}

func newMemory() *memory {
	return &memory{logs: map[string][]events.Record{}, grew: map[string]chan struct{}{}}
}

func place(topic string, partition int32) string { return fmt.Sprintf("%s/%d", topic, partition) }

func (m *memory) append(at string, r events.Record) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Offset = int64(len(m.logs[at]))
	m.logs[at] = append(m.logs[at], r)
	if c := m.grew[at]; c != nil {
		close(c)
		delete(m.grew, at)
	}
	return r.Offset
}

func (m *memory) set(change func(*memory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

// line is an engine's transport to a memory.
type line struct {
	*memory
	read, write string
}

func connect(m *memory, e *Engine) *line {
	return &line{
		memory: m,
		read:   place(topics.Assignments(), events.EnginePartition(events.EngineID(e.config.ID))),
		write:  place(topics.Reports(), events.PoolPartition(events.Pool(e.config.Pool))),
	}
}

func (l *line) End(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.logs[l.read])), nil
}

func (l *line) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	return l.fetch(ctx, l.read, from, wait)
}

func (m *memory) fetch(ctx context.Context, at string, from int64, wait time.Duration) (events.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		m.mu.Lock()
		log := m.logs[at]
		grew := m.grew[at]
		if grew == nil {
			grew = make(chan struct{})
			m.grew[at] = grew
		}
		m.mu.Unlock()
		if n := int64(len(log)); from < n {
			return events.Page{Records: log[from:n:n], Next: n, End: n}, nil
		}
		select {
		case <-grew:
		case <-ctx.Done():
			return events.Page{Next: from, End: from}, nil
		}
	}
}

type tooLarge struct{ error }

func (tooLarge) Refused() bool { return true }

func (l *line) Send(_ context.Context, r events.Record, done func(int64, error)) {
	l.mu.Lock()
	cut, refuse := l.cut, l.refuse
	l.mu.Unlock()
	switch {
	case cut:
	case refuse > 0 && len(r.Value) > refuse:
		done(0, tooLarge{errors.New("the record is too large")})
	default:
		done(l.append(l.write, r), nil)
	}
}

func (l *line) Flush(context.Context) error { return nil }
func (l *line) Close()                      {}

// scheduler plays the other side: it answers registrations, assigns what it is
// told to, and passes on what the engine reports.
type scheduler struct {
	t       testing.TB
	m       *memory
	pool    string
	mu      sync.Mutex
	n       uint32
	token   uint64
	engine  *events.Engine
	reports chan proto.Message // all but registrations and heartbeats
	beats   chan *events.EngineHeartbeat
	lives   chan string                       // incarnations registered
	traces  chan string                       // traceparent of the ends of attempts
	refusal *events.EngineRegistrationRefused // what registrations are answered with, if set
}

func newScheduler(t testing.TB, m *memory, pool string) *scheduler {
	s := &scheduler{
		t: t, m: m, pool: pool,
		reports: make(chan proto.Message, 1024), beats: make(chan *events.EngineHeartbeat, 1024), lives: make(chan string, 64),
		traces: make(chan string, 1024),
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

func (s *scheduler) run(ctx context.Context) {
	var from int64
	for ctx.Err() == nil {
		page, _ := s.m.fetch(ctx, place(topics.Reports(), events.PoolPartition(events.Pool(s.pool))), from, time.Second)
		for i := range page.Records {
			env, m, err := events.Decode(&page.Records[i])
			if err != nil {
				s.t.Errorf("the engine reported what cannot be read: %v", err)
				continue
			}
			if _, ok := m.(*events.AttemptFinished); ok {
				select {
				case s.traces <- env.Traceparent:
				default: // Nobody looks.
				}
			}
			s.take(m)
		}
		from = page.Next
	}
}

func (s *scheduler) take(m proto.Message) {
	switch m := m.(type) {
	case *events.EngineRegistration:
		s.mu.Lock()
		known := s.engine.GetIncarnation() == m.Engine.Incarnation
		s.engine = m.Engine
		s.mu.Unlock()
		if s.refusal != nil {
			no := proto.CloneOf(s.refusal)
			no.EngineId, no.Incarnation, no.Pool = m.Engine.Id, m.Engine.Incarnation, s.pool
			s.publish(no)
			return
		}
		if !known {
			s.publish(&events.EngineRegistered{Engine: m.Engine})
			s.lives <- m.Engine.Incarnation
		}
	case *events.EngineHeartbeat:
		select {
		case s.beats <- m:
		default:
		}
	default:
		s.reports <- m
	}
}

// publish appends an event's copy to the engine's partition.
func (s *scheduler) publish(m proto.Message, extra ...events.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	id := fmt.Sprintf("%s/0/1/%d", topics.Events(), s.n)
	r, err := events.Encoder{Source: "/test"}.Encode(id, m, append(extra, events.Header{Key: events.HeaderFrom, Value: []byte(id)})...)
	if err != nil {
		s.t.Error(err)
		return
	}
	r.Key = []byte(s.engine.Id)
	s.m.append(place(topics.Assignments(), s.engine.AssignmentsPartition), r)
}

// assign gives the engine a task and returns its token.
func (s *scheduler) assign(task *events.Task, extra ...events.Header) uint64 {
	s.mu.Lock()
	s.token++
	task.Pool = s.pool
	a := &events.TaskAssigned{
		TaskId: task.Id, Pool: s.pool, EngineId: s.engine.Id, Incarnation: s.engine.Incarnation,
		Attempt: 1, Token: s.token, Task: task,
	}
	s.mu.Unlock()
	s.publish(a, extra...)
	return a.Token
}

// patience bounds every wait of these tests; it is never waited out if all is well.
const patience = 60 * time.Second

func await[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
	}
	panic("unreachable")
}

// next awaits a report of that kind; reports of other kinds are an error, but for that an
// attempt has started, which is told of what takes more than 100 ms: anything may on a slow machine.
func next[M proto.Message](t testing.TB, s *scheduler) M {
	t.Helper()
	var want M
	for {
		switch m := await(t, fmt.Sprintf("%T", want), s.reports).(type) {
		case M:
			return m
		case *events.AttemptStarted:
		default:
			t.Fatalf("another report came than a %T: %T", want, m)
		}
	}
}
