package scheduler

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/internal/telemetry/tracing"
	"github.com/spanway/spanway/pkg/events"
)

// roots begins a trace for a request whose producer began none, such as one in
// another language without an SDK: the reading of the request is its first span,
// and its task is in that trace as if the producer had sent it. Like every trace
// it is then in the log, so only requests that are still to be decided get one.
type roots struct{ polls messaging.Spans }

func newRoots(topic string) *roots { return &roots{messaging.Polls(messaging.Tracer(scope), topic)} }

// begin puts a new trace into the headers of a task's request that has none.
func (r *roots) begin(partition int32, rec *events.Record) {
	if !tracing.Enabled() || !rootless(rec) {
		return
	}
	id, _ := rec.Header(events.HeaderID)
	ctx, span := r.polls.Start(context.Background(), trace.WithNewRoot(), trace.WithAttributes(
		messaging.Partition(partition), messaging.Offset(rec.Offset), messaging.MessageID(string(id))))
	defer span.End()
	if span.IsRecording() {
		rec.Headers = append(slices.Clip(rec.Headers), messaging.Inject(ctx)...)
	}
}

// rootless tells whether a record asks for a task in binary mode, names no trace
// and has room for one. In structured mode the value could name one.
func rootless(rec *events.Record) bool {
	typ, _ := rec.Header(events.HeaderType)
	if string(typ) != string(events.TypeTaskRequested) || len(rec.Headers) >= events.MaxHeaders {
		return false
	}
	content, _ := rec.Header(events.HeaderContentType)
	_, traced := rec.Header(events.HeaderTraceparent)
	return !traced && !strings.HasPrefix(strings.ToLower(string(content)), "application/cloudevents")
}

// before prepares records that were given a trace.
func (r *roots) before(prepare func(string, int32, *events.Record) input) func(string, int32, *events.Record) input {
	return func(topic string, partition int32, rec *events.Record) input {
		r.begin(partition, rec)
		return prepare(topic, partition, rec)
	}
}
