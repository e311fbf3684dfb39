package engine

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

// codeResultRefused: the broker would not take the record with the result.
const codeResultRefused = "RESULT_REFUSED"

// sender encodes reports and hands them to the transport, apart from the loop:
// the transport may block while the broker is away, and just then the loop must
// be able to stop handlers. What can wait here is bounded by what the engine
// can hold, since capacity comes back only when its reports arrive, and by the
// lease: while nothing is acknowledged, progress ends with it.
type sender struct {
	transport transport
	encoder   events.Encoder
	key       []byte // of every report: the pool
	inbox     *inbox
	log       *slog.Logger

	mu     sync.Mutex
	more   sync.Cond
	queue  []lease.Report
	closed bool
	done   chan struct{}
	// ends holds the tokens whose last word is not settled. A broker may refuse
	// it, and then another follows behind heartbeats that were already sent, so
	// those name the attempt still: else it would count as never received.
	ends map[uint64]struct{}
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
func (s *sender) send(report lease.Report) {
	s.mu.Lock()
	s.queue = append(s.queue, report)
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
	var batch []lease.Report
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

func (s *sender) pass(report lease.Report) {
	switch m := report.Message.(type) {
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
	r, err := s.encoder.Encode(report.ID, report.Message)
	if err != nil {
		s.settle(report, err)
		return
	}
	r.Key, r.Timestamp = s.key, time.Now().UnixMilli()
	_, isEnd := report.Message.(*events.AttemptFinished)
	if isEnd {
		failpoint.Hit(failpoint.EngineReporting)
	}
	s.transport.Send(r, func(_ int64, err error) {
		if isEnd && err == nil {
			failpoint.Hit(failpoint.EngineReported)
		}
		s.settle(report, err)
	})
}

// settle takes the outcome of a report.
func (s *sender) settle(report lease.Report, err error) {
	if f, ok := report.Message.(*events.AttemptFinished); ok {
		if isRefused(err) && s.replace(report, f) {
			return
		}
		s.mu.Lock()
		delete(s.ends, f.Token)
		s.mu.Unlock()
	}
	_, isProgress := report.Message.(*events.AttemptProgressed)
	switch {
	case err == nil && report.Beat:
		s.inbox.put(func(m *mail) { m.acked = max(m.acked, report.SentAt) })
	case err == nil || report.Beat:
	case isProgress: // Nothing follows from it.
		s.log.Warn("progress of a task could not be reported", "id", report.ID, "error", err)
	case s.isClosed(): // The engine departs and says once that it did not wait.
	default:
		s.log.Error("a report could not be delivered", "type", events.TypeOf(report.Message), "id", report.ID, "error", err)
		if named, ok := report.Message.(interface{ GetIncarnation() string }); ok {
			s.inbox.put(func(m *mail) { m.undelivered = events.Incarnation(named.GetIncarnation()) })
		}
	}
}

// replace reports the failure of an attempt whose result no broker would take:
// one task's result must not cost the engine its lease.
func (s *sender) replace(report lease.Report, f *events.AttemptFinished) bool {
	if f.GetError().GetCode() == codeResultRefused {
		return false
	}
	m := proto.CloneOf(f)
	m.Outcome, m.Result, m.ResultType = events.AttemptFinished_FAILED_FINALLY, nil, ""
	m.Error = &events.TaskError{Code: codeResultRefused, Message: "the broker refused the record with the result: make it smaller, or raise max.message.bytes"}
	s.send(lease.Report{ID: report.ID + "r", Message: m})
	return true
}

func isRefused(err error) bool {
	var r interface{ Refused() bool }
	return errors.As(err, &r) && r.Refused()
}
