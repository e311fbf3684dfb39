package messaging

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/pkg/events"
)

// Extract is ctx in the trace that a message names; ctx itself if it names none.
func Extract(ctx context.Context, traceparent, tracestate string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{
		events.HeaderTraceparent: traceparent, events.HeaderTracestate: tracestate,
	})
}

// Sampled tells, without reading all of it, whether a traceparent names a trace
// that somebody records. What it says of malformed ones means nothing.
func Sampled(traceparent string) bool {
	flags := traceparent[strings.LastIndexByte(traceparent, '-')+1:]
	return len(flags) == 2 && strings.IndexByte("13579bdf", flags[1]) >= 0
}

// Inject returns the headers that carry the trace that ctx is in; none if it is in
// none.
func Inject(ctx context.Context) []events.Header {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return nil
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	var out []events.Header
	for _, key := range []string{events.HeaderTraceparent, events.HeaderTracestate} {
		if v := carrier[key]; v != "" {
			out = append(out, events.Header{Key: key, Value: []byte(v)})
		}
	}
	return out
}
