package copying

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/internal/telemetry/tracing"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// traced adds a span of the append to the trace of each sampled record that was appended;
// how long after the record's timestamp its copy stood is an attribute, for history may be
// years old. The record's own traceparent arrives unchanged.
func traced(ctx context.Context, cfg *mirror.Config, batch []events.Record, base int64, began time.Time) {
	if !tracing.Enabled() {
		return
	}
	now, tracer := time.Now(), tracing.Tracer("github.com/spanway/spanway/services/replicator/copying")
	for i := range batch {
		parent, _ := batch[i].Header(events.HeaderTraceparent)
		if len(parent) == 0 || !messaging.Sampled(string(parent)) {
			continue
		}
		state, _ := batch[i].Header(events.HeaderTracestate)
		origin, _ := batch[i].Header(events.HeaderOrigin)
		within := messaging.Extract(context.WithoutCancel(ctx), string(parent), string(state))
		_, span := tracer.Start(within, "copy "+cfg.Target.Topic, trace.WithSpanKind(trace.SpanKindProducer), trace.WithTimestamp(began),
			trace.WithAttributes(
				attribute.String("messaging.system", "kafka"),
				attribute.String("messaging.destination.name", cfg.Target.Topic),
				attribute.Int("messaging.destination.partition.id", int(cfg.Target.Partition)),
				attribute.Int64("messaging.kafka.offset", base+int64(i)),
				attribute.String("spanway.origin", string(origin)),
				attribute.Float64("spanway.copy.delay_ms", float64(now.Sub(time.UnixMilli(batch[i].Timestamp)).Microseconds())/1000),
			))
		span.End(trace.WithTimestamp(now))
	}
}
