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
	"sync/atomic"

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
	return &tracer{scope: scope, options: options}
}

type tracer struct {
	embedded.Tracer
	scope   string
	options []trace.TracerOption
	bound   atomic.Pointer[binding]
}

// binding is what a provider made.
type binding struct {
	provider trace.TracerProvider
	tracer   trace.Tracer
}

// Start implements trace.Tracer.
func (t *tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if !Enabled() {
		return ctx, noop.Span{}
	}
	return t.of(otel.GetTracerProvider()).Start(ctx, name, options...)
}

// of is the tracer of a provider. otel.Tracer is of the first one that is installed, even
// when there is another one: one that was shut down, and tells nobody.
func (t *tracer) of(p trace.TracerProvider) trace.Tracer {
	if !reflect.ValueOf(p).Comparable() {
		return p.Tracer(t.scope, t.options...)
	}
	b := t.bound.Load()
	if b == nil || b.provider != p {
		b = &binding{p, p.Tracer(t.scope, t.options...)}
		t.bound.Store(b)
	}
	return b.tracer
}
