package engine

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

// codeResultRefused: the broker would not take the record with the result.
const codeResultRefused = "RESULT_REFUSED"

// sender encodes reports and hands them to the transport, apart from the loop:
// the transport may block while the broker is away, and just then the loop must
// be able to stop handlers. What can wait here is bounded by what the engine
// can hold, since capacity comes back only when its reports arrive.
type sender struct {
	transport transport
	encoder   events.Encoder
	key       []byte // of every report: the pool
	inbox     *inbox
	log       *slog.Logger

	mu     sync.Mutex
	more   sync.Cond
	queue  []outgoing
	closed bool
	done   chan struct{}
	// ends holds the tokens whose last word is not settled. A broker may refuse
	// it, and then another follows behind heartbeats that were already sent, so
	// those name the attempt still: else it would count as never received.
	ends map[uint64]struct{}
}

type outgoing struct {
	report lease.Report
	told   chan<- error // told the outcome, if anybody waits for it
}

func newSender(t transport, e events.Encoder, pool string, in *inbox, log *slog.Logger) *sender {
	s := &sender{
		transport: t, encoder: e, key: []byte(pool),
		inbox: in, log: log, done: make(chan struct{}), ends: map[uint64]struct{}{},
	}
	s.more.L = &s.mu
	go s.run()
	return s
}

// send queues a report; it never blocks.
func (s *sender) send(o outgoing) {
	s.mu.Lock()
	s.queue = append(s.queue, o)
	s.mu.Unlock()
	s.more.Signal()
}

// close lets the sender end once it has handed on what is queued.
func (s *sender) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.more.Signal()
}

func (s *sender) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *sender) run() {
	defer close(s.done)
	var batch []outgoing
	for {
		s.mu.Lock()
		for len(s.queue) == 0 && !s.closed {
			s.more.Wait()
		}
		batch, s.queue = s.queue, batch[:0]
		s.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for i := range batch {
			s.pass(batch[i])
		}
		clear(batch)
	}
}

func (s *sender) pass(o outgoing) {
	switch m := o.report.Message.(type) {
	case *events.AttemptFinished:
		s.mu.Lock()
		s.ends[m.Token] = struct{}{}
		s.mu.Unlock()
	case *events.EngineHeartbeat:
		s.mu.Lock()
		m.Running = slices.AppendSeq(m.Running, maps.Keys(s.ends))
		s.mu.Unlock()
		slices.Sort(m.Running)
	}
	r, err := s.encoder.Encode(o.report.ID, o.report.Message)
	if err != nil {
		s.settle(o, err)
		return
	}
	r.Key, r.Timestamp = s.key, time.Now().UnixMilli()
	s.transport.Send(r, func(_ int64, err error) { s.settle(o, err) })
}

// settle takes the outcome of a report.
func (s *sender) settle(o outgoing, err error) {
	if o.told != nil {
		o.told <- err
	}
	if f, ok := o.report.Message.(*events.AttemptFinished); ok {
		if isRefused(err) && s.replace(o, f) {
			return
		}
		s.mu.Lock()
		delete(s.ends, f.Token)
		s.mu.Unlock()
	}
	switch {
	case err == nil && o.report.Beat:
		s.inbox.put(func(m *mail) { m.acked = max(m.acked, o.report.SentAt) })
	case err == nil || o.told != nil || o.report.Beat:
	case s.isClosed(): // The engine departs and says once that it did not wait.
	default:
		s.log.Error("a report could not be delivered", "type", events.TypeOf(o.report.Message), "id", o.report.ID, "error", err)
		if named, ok := o.report.Message.(interface{ GetIncarnation() string }); ok {
			s.inbox.put(func(m *mail) { m.undelivered = events.Incarnation(named.GetIncarnation()) })
		}
	}
}

// replace reports the failure of an attempt whose result no broker would take:
// one task's result must not cost the engine its lease.
func (s *sender) replace(o outgoing, f *events.AttemptFinished) bool {
	if f.GetError().GetCode() == codeResultRefused {
		return false
	}
	m := proto.CloneOf(f)
	m.Outcome, m.Result, m.ResultType = events.AttemptFinished_FAILED_FINALLY, nil, ""
	m.Error = &events.TaskError{Code: codeResultRefused, Message: "the broker refused the record with the result: make it smaller, or raise max.message.bytes"}
	s.send(outgoing{report: lease.Report{ID: o.report.ID + "r", Message: m}})
	return true
}

func isRefused(err error) bool {
	var r interface{ Refused() bool }
	return errors.As(err, &r) && r.Refused()
}
