package tracing

import (
	"testing"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// A tracer that was made before the SDK was installed traces from then on.
func TestSpansBeginWhenAProviderIsInstalled(t *testing.T) {
	before := otel.GetTracerProvider()
	defer otel.SetTracerProvider(before)
	tracer := Tracer("test")
	ctx, span := tracer.Start(t.Context(), "unseen")
	if ctx != t.Context() || span.SpanContext().IsValid() {
		t.Errorf("without a provider there is a span, %v", span.SpanContext())
	}
	cost := testing.AllocsPerRun(100, func() {
		_, span := tracer.Start(t.Context(), "unseen")
		span.End()
	})
	if cost > 0 {
		t.Errorf("a span that nobody sees costs %v allocations", cost)
	}
	otel.SetTracerProvider(sdktrace.NewTracerProvider())
	if _, span := tracer.Start(t.Context(), "seen"); !span.IsRecording() {
		t.Error("no span although a provider was installed")
	}
}

func TestOnlyOpenTelemetrysOwnProviderDelegates(t *testing.T) {
	if !isDelegate(initial) || isDelegate(noop.NewTracerProvider()) {
		t.Errorf("initial %T delegates: %v; noop delegates: %v", initial, isDelegate(initial), isDelegate(noop.NewTracerProvider()))
	}
}
