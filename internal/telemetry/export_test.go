package telemetry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/otlptest"
	"github.com/spanway/spanway/internal/telemetry/tracing"
)

// variables sets the OTEL_* variables of a test, and no others.
func variables(t *testing.T, pairs ...string) {
	t.Helper()
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
	} {
		t.Setenv(name, "")
	}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
}

// troubles are what OpenTelemetry's error handler is told.
func troubles(t *testing.T) *locked {
	t.Helper()
	out := &locked{}
	LogErrors(slog.New(slog.NewTextHandler(out, nil)))
	t.Cleanup(func() { otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) })
	return out
}

// locked is a buffer that many may write to.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func span(t *testing.T) trace.Span {
	t.Helper()
	_, s := tracing.Tracer("test").Start(t.Context(), "work")
	return s
}

func TestNothingIsExportedUnasked(t *testing.T) {
	for name, c := range map[string]struct {
		variables []string
		trouble   string
	}{
		"no variables":         {nil, ""},
		"disabled":             {[]string{"OTEL_SDK_DISABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"}, ""},
		"none":                 {[]string{"OTEL_TRACES_EXPORTER=none", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"}, ""},
		"an unknown exporter":  {[]string{"OTEL_TRACES_EXPORTER=zipkin"}, "give otlp or none"},
		"an unknown transport": {[]string{"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"}, "give http/protobuf or grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			said := troubles(t)
			variables(t, c.variables...)
			stop, err := StartTraces("test")
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
			if tracing.Enabled() || span(t).IsRecording() {
				t.Error("spans are recorded")
			}
			if c.trouble == "" && said.String() != "" || !strings.Contains(said.String(), c.trouble) {
				t.Errorf("it says %q, want %q", said.String(), c.trouble)
			}
		})
	}
}

func TestSpansAreExportedAsTheVariablesSay(t *testing.T) {
	r := otlptest.Start()
	defer r.Close()
	variables(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.URL, "OTEL_RESOURCE_ATTRIBUTES=service.name=blue,deployment.environment.name=test")
	tel, err := Start("test")
	if err != nil {
		t.Fatal(err)
	}
	s := span(t)
	s.End()
	if err := tel.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	spans := r.Spans()
	if len(spans) != 1 || spans[0].ID() != s.SpanContext().SpanID().String() || spans[0].Service != "blue" {
		t.Errorf("there came %v", spans)
	}
	if tracing.Enabled() {
		t.Error("there are spans after the end")
	}
}

// A collector that is away, or takes connections and never answers, delays nobody:
// not who makes spans, and not the end for longer than was promised.
func TestACollectorThatDoesNotAnswerBlocksNobody(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, variable := range map[string]string{
		"away":           "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1",
		"silent":         "OTEL_EXPORTER_OTLP_ENDPOINT=http://" + silent.Addr().String(),
		"silent by gRPC": "OTEL_EXPORTER_OTLP_ENDPOINT=http://" + silent.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			said := troubles(t)
			variables(t, variable)
			if strings.HasSuffix(name, "gRPC") {
				t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
			}
			stop, err := StartTraces("test")
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			for range 10_000 { // Far more than what may wait.
				span(t).End()
			}
			if took := time.Since(began); took > 10*flushFor {
				t.Errorf("10,000 spans took %v", took)
			}
			began = time.Now()
			stop()
			if took := time.Since(began); took > flushFor+10*time.Second {
				t.Errorf("the end took %v; promised are %v", took, flushFor)
			}
			if !strings.Contains(said.String(), "telemetry is incomplete") {
				t.Error("nobody was told")
			}
		})
	}
}

func TestTroublesAreToldOnceAMinute(t *testing.T) {
	said := troubles(t)
	for range 100 {
		otel.Handle(errors.New("no route to the collector"))
	}
	if n := strings.Count(said.String(), "no route"); n != 1 {
		t.Errorf("told %d times", n)
	}
}
