package watermillkafka_test

import (
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/trace"
)

// The trace that a message is published in is the one that it is handled in, and
// what its metadata say has precedence.
func TestTheTraceGoesAlong(t *testing.T) {
	c := newCluster(t, 1)
	publisher, messages := c.publisher(), c.subscribe(c.subscriber())
	span := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
	})
	const other = "00-0a000000000000000000000000000000-0b00000000000000-01"
	for _, tt := range []struct {
		name, metadata, want string
		span                 trace.SpanContext
	}{
		{"none", "", "", trace.SpanContext{}},
		{"of the context", "", "00-01000000000000000000000000000000-0200000000000000-01", span},
		{"of the metadata", other, other, span},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := message.NewMessage("1", nil)
			m.SetContext(trace.ContextWithSpanContext(t.Context(), tt.span))
			if tt.metadata != "" {
				m.Metadata.Set("traceparent", tt.metadata)
			}
			if err := publisher.Publish(c.topic, m); err != nil {
				t.Fatal(err)
			}
			got := receive(t, messages)
			got.Ack()
			if parent := got.Metadata.Get("traceparent"); parent != tt.want {
				t.Errorf("the message says it is in %q, want %q", parent, tt.want)
			}
			in := trace.SpanContextFromContext(got.Context())
			if in.IsValid() != (tt.want != "") || in.IsValid() && tt.want != "00-"+in.TraceID().String()+"-"+in.SpanID().String()+"-01" {
				t.Errorf("its context is in %v, want %q", in, tt.want)
			}
		})
	}
}
