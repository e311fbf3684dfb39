package tracing

import (
	"testing"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
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

// When another provider is installed, spans are that one's: also of tracers that were used
// before, and with providers that cannot be compared.
func TestSpansAreOfTheProviderThatIsInstalledNow(t *testing.T) {
	before := otel.GetTracerProvider()
	defer otel.SetTracerProvider(before)
	tracer := Tracer("test")
	for range 2 {
		spans := tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
		for _, p := range []trace.TracerProvider{provider, unlike{provider, nil}} {
			otel.SetTracerProvider(p)
			for range 2 {
				_, span := tracer.Start(t.Context(), "seen")
				span.End()
			}
		}
		if n := len(spans.Ended()); n != 4 {
			t.Errorf("%d spans came to the provider that is installed, want 4", n)
		}
	}
}

// unlike is a provider that cannot be compared with another one.
type unlike struct {
	trace.TracerProvider
	_ []int
}

func TestOnlyOpenTelemetrysOwnProviderDelegates(t *testing.T) {
	if !isDelegate(initial) || isDelegate(noop.NewTracerProvider()) {
		t.Errorf("initial %T delegates: %v; noop delegates: %v", initial, isDelegate(initial), isDelegate(noop.NewTracerProvider()))
	}
}
