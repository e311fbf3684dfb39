package engine

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/internal/telemetry/messaging"
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
	engine    *Engine // whose reports they are
	key       []byte  // of every report: the pool
	inbox     *inbox
	log       *slog.Logger
	// sending ends when nothing is to be sent any more; stop ends it.
	sending context.Context
	stop    context.CancelFunc

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

func newSender(t transport, encoder events.Encoder, e *Engine, in *inbox, log *slog.Logger) *sender {
	s := &sender{
		transport: t, encoder: encoder, engine: e, key: []byte(e.config.Pool),
		inbox: in, log: log, done: make(chan struct{}), ends: map[uint64]struct{}{},
	}
	s.more.L = &s.mu
	s.sending, s.stop = context.WithCancel(context.Background())
	go s.run()
	return s
}

// outgoing is a report in the context of what it tells of.
type outgoing struct {
	lease.Report
	context context.Context
}

// send queues a report; it never blocks.
func (s *sender) send(report lease.Report, ctx context.Context) { //nolint:revive // The context belongs to the report, it bounds nothing.
	s.mu.Lock()
	s.queue = append(s.queue, outgoing{report, ctx})
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
			s.pass(batch[i].context, batch[i].Report)
		}
		clear(batch)
	}
}

func (s *sender) pass(ctx context.Context, report lease.Report) {
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
	if trace.SpanContextFromContext(ctx).IsValid() {
		s.passTraced(ctx, report)
		return
	}
	r, err := s.encoder.Encode(report.ID, report.Message)
	if err != nil {
		s.settle(context.Background(), report, err)
		return
	}
	s.hand(r, report, func(_ int64, err error) { s.settle(context.Background(), report, err) })
}

// passTraced sends a report that belongs to a trace; the end of an attempt has a
// span there.
func (s *sender) passTraced(ctx context.Context, report lease.Report) {
	span := trace.SpanFromContext(context.Background())
	var headers []events.Header
	if _, ok := report.Message.(*events.AttemptFinished); ok {
		ctx, span = s.engine.reports.Start(ctx)
		headers = messaging.Inject(ctx)
	}
	if span.IsRecording() {
		span.SetAttributes(messaging.MessageID(report.ID), messaging.Partition(events.PoolPartition(events.Pool(s.key))))
		span.SetAttributes(s.engine.about(report.Attempt)...)
	}
	r, err := s.encoder.Encode(report.ID, report.Message, headers...)
	if err != nil {
		messaging.Sent(span, 0, err)
		s.settle(ctx, report, err)
		return
	}
	s.hand(r, report, func(offset int64, err error) {
		messaging.Sent(span, offset, err)
		s.settle(ctx, report, err)
	})
}

// hand gives a record to the transport.
func (s *sender) hand(r events.Record, report lease.Report, done func(int64, error)) {
	r.Key, r.Timestamp = s.key, time.Now().UnixMilli()
	if _, ok := report.Message.(*events.AttemptFinished); ok {
		failpoint.Hit(failpoint.EngineReporting)
	}
	s.transport.Send(s.sending, r, done)
}

// settle takes the outcome of a report.
func (s *sender) settle(ctx context.Context, report lease.Report, err error) {
	if f, ok := report.Message.(*events.AttemptFinished); ok {
		if err == nil {
			failpoint.Hit(failpoint.EngineReported)
		} else if isRefused(err) && s.replace(ctx, report, f) {
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
		s.log.WarnContext(ctx, "progress of a task could not be reported", "id", report.ID, "error", err)
	case s.isClosed(): // The engine departs and says once that it did not wait.
	default:
		s.log.ErrorContext(ctx, "a report could not be delivered", "type", events.TypeOf(report.Message), "id", report.ID, "error", err)
		if named, ok := report.Message.(interface{ GetIncarnation() string }); ok {
			s.inbox.put(func(m *mail) { m.undelivered = events.Incarnation(named.GetIncarnation()) })
		}
	}
}

// replace reports the failure of an attempt whose result no broker would take:
// one task's result must not cost the engine its lease.
func (s *sender) replace(ctx context.Context, report lease.Report, f *events.AttemptFinished) bool {
	if f.GetError().GetCode() == codeResultRefused {
		return false
	}
	m := proto.CloneOf(f)
	m.Outcome, m.Result, m.ResultType = events.AttemptFinished_FAILED_FINALLY, nil, ""
	m.Error = &events.TaskError{Code: codeResultRefused, Message: "the broker refused the record with the result: make it smaller, or raise max.message.bytes"}
	s.send(lease.Report{ID: report.ID + "r", Message: m, Attempt: report.Attempt}, ctx)
	return true
}

func isRefused(err error) bool {
	var r interface{ Refused() bool }
	return errors.As(err, &r) && r.Refused()
}
