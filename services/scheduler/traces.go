package scheduler

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/internal/telemetry/tracing"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// traces makes the spans of tasks from the events of an owner's own batches, once
// these count; what was folded from the log makes none, so nothing opens an old
// trace again. Start and end are the events' times and the time at which the batch
// counted. It is used by the owner's goroutine alone.
type traces struct {
	tracer                               trace.Tracer
	requests, reports, assignments, sent messaging.Spans
	requestsTopic                        string
	partition, group                     attribute.KeyValue
	now                                  func() time.Time
	tick                                 time.Time // what the owner was last given as the time
	// measured is by input: how long its messages take, and whether the owner decides
	// on any now.
	measured map[string]*measured

	// arrived are the traces of the inputs that the owner decides on.
	arrived map[origin]context.Context
	// lives are the traced tasks of this tenure that have not ended.
	lives map[taskName]*life
	// assigned are the spans of assignments that are yet to be published, by the
	// offset of their events.
	assigned map[int64]context.Context
	// links are the messages that the batch at hand is about.
	links []trace.Link
}

type measured struct {
	*messaging.Processing
	handed bool
}

// origin names a request by its offset, or the report of an attempt's end by the
// attempt.
type origin struct {
	offset int64
	pool   events.Pool
	token  events.Token
}

type taskName struct {
	pool events.Pool
	id   events.TaskID
}

// maxLives bounds the tasks of which it is known since when they wait. Of others
// only the first wait is.
const maxLives = 100_000

func newTraces(s *Service, partition int32, now func() time.Time) *traces {
	tracer, topics := messaging.Tracer(scope), s.topics
	return &traces{
		tracer:   tracer,
		requests: messaging.Processes(tracer, topics.Requests()), reports: messaging.Processes(tracer, topics.Reports()),
		assignments: messaging.Sends(tracer, topics.Assignments()), sent: messaging.Sends(tracer, topics.Events()),
		partition: messaging.Partition(partition), group: messaging.Group(s.topics.SchedulerGroup()),
		requestsTopic: topics.Requests(),
		now:           now, tick: now(),
		measured: map[string]*measured{
			topics.Requests(): {Processing: messaging.NewProcessing(s.meter, topics.Requests())},
			topics.Reports():  {Processing: messaging.NewProcessing(s.meter, topics.Reports())},
		},
		arrived: map[origin]context.Context{}, lives: map[taskName]*life{}, assigned: map[int64]context.Context{},
	}
}

// clock is the owner's: events are of its milliseconds, spans of its microseconds.
func (t *traces) clock() time.Time {
	t.tick = t.now()
	return t.tick
}

// at is the time of an event.
func (t *traces) at(ms int64) time.Time {
	if t.tick.UnixMilli() == ms {
		return t.tick
	}
	return time.UnixMilli(ms)
}

// forget is for the begin and the end of a tenure.
func (t *traces) forget() {
	clear(t.arrived)
	clear(t.lives)
	clear(t.assigned)
}

// arrive notes the traces of inputs that are handed to the owner.
func (t *traces) arrive(inputs []events.Input[input]) {
	for i := range inputs {
		if i > 0 && inputs[i].Topic == inputs[i-1].Topic {
			continue
		}
		if m := t.measured[inputs[i].Topic]; m != nil {
			m.handed = true
		}
	}
	if !tracing.Enabled() {
		return
	}
	for i := range inputs {
		from, pool, token, ok := placement.TraceOf(inputs[i].Value)
		if !ok || !messaging.Sampled(from.Parent) {
			continue
		}
		o := origin{pool: pool, token: token}
		if token == 0 {
			o = origin{offset: inputs[i].Offset}
		}
		t.arrived[o] = messaging.Extract(context.Background(), from.Parent, from.State)
	}
}

// decided forgets the inputs that were handed to the owner before.
func (t *traces) decided() {
	clear(t.arrived)
	for _, m := range t.measured {
		m.handed = false
	}
}

// counted makes the spans of a batch that counts.
func (t *traces) counted(core eventlog.Core[input], batch []events.Logged) {
	clear(t.assigned)
	for _, m := range t.measured {
		if m.handed {
			m.Took(context.Background(), t.now().Sub(t.tick))
			m.handed = false
		}
	}
	if !tracing.Enabled() {
		return
	}
	n := narrator{traces: t, state: core.(*placement.State), end: t.now()}
	for i := range batch {
		n.tell(batch[i])
	}
	if len(t.links) == 0 {
		return
	}
	// Many tasks have a part in it, so it is of no task's trace.
	_, span := t.sent.Start(context.Background(), trace.WithNewRoot(), trace.WithLinks(t.links...), trace.WithTimestamp(t.tick),
		trace.WithAttributes(t.partition, messaging.BatchSize(len(batch)), messaging.Offset(batch[0].Offset)))
	span.End(trace.WithTimestamp(n.end))
	t.links = t.links[:0]
}

// link notes a message that the batch is about.
func (t *traces) link(message trace.SpanContext) {
	if len(t.links) < messaging.MaxLinks && (len(t.links) == 0 || !t.links[len(t.links)-1].SpanContext.Equal(message)) {
		t.links = append(t.links, trace.Link{SpanContext: message})
	}
}

// publishing begins the span in which an assignment is published, and puts it into
// the record's headers; sent ends it. Both are nil if the event at that offset was not
// decided in this tenure, or is in no trace.
func (t *traces) publishing(offset int64, partition int32, rec *events.Record) (context.Context, func(int64, error)) {
	ctx := t.assigned[offset]
	if ctx == nil {
		return nil, nil
	}
	ctx, span := t.assignments.Start(ctx, trace.WithAttributes(messaging.Partition(partition)))
	// The log's hash does not cover headers. What gets a copy that is published after
	// a takeover finds the trace in the task itself.
	rec.Headers = append(rec.Headers[:len(rec.Headers):len(rec.Headers)], messaging.Inject(ctx)...)
	return ctx, func(at int64, err error) { messaging.Sent(span, at, err) }
}
