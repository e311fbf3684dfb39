// Package tracing makes tracers that cost nothing where nobody traces: a span of
// OpenTelemetry's API without an SDK costs four allocations, and there are several
// spans in the life of a task.
//
// It owns nothing. Its tracers look at the process's global tracer provider for
// each span, because an SDK may be installed at any time.
package tracing

import (
	"context"
	"reflect"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"
)

// initial is the provider that OpenTelemetry begins with, which delegates to one
// that is installed later. If an SDK was installed before this package was
// initialised it is that one's, and known by its type.
var (
	initial  = otel.GetTracerProvider()
	delegate = isDelegate(initial)
)

func isDelegate(p trace.TracerProvider) bool {
	t := reflect.TypeOf(p)
	return t.Kind() == reflect.Pointer && strings.HasSuffix(t.Elem().PkgPath(), "otel/internal/global")
}

// Enabled tells whether a tracer provider was installed (otel.SetTracerProvider).
func Enabled() bool { return !delegate || otel.GetTracerProvider() != initial }

// Tracer is otel.Tracer but for the spans that nobody would see: those are none,
// and the context, with whatever trace it is in, stays as it is.
func Tracer(scope string, options ...trace.TracerOption) trace.Tracer {
	return tracer{inner: otel.Tracer(scope, options...)}
}

type tracer struct {
	embedded.Tracer
	inner trace.Tracer
}

// Start implements trace.Tracer.
func (t tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if !Enabled() {
		return ctx, noop.Span{}
	}
	return t.inner.Start(ctx, name, options...)
}
