package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// flushFor bounds how long the end of a process waits for a collector that does
// not answer.
const flushFor = 2 * time.Second

// StartTraces sets the process-wide tracer provider if the standard OTEL_*
// variables ask for an export of traces, and does nothing otherwise. Spans are
// exported in the background; what a collector does not take in time is dropped.
// stop sends what is left, for two seconds at most, and must be called.
func StartTraces(service string) (stop func(), err error) {
	res, err := newResource(service)
	if err != nil {
		return nil, err
	}
	return startTraces(res)
}

func startTraces(res *resource.Resource) (stop func(), err error) {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	exporter, err := newExporter()
	if exporter == nil {
		return func() {}, err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(provider)
	return func() {
		otel.SetTracerProvider(before)
		ctx, cancel := context.WithTimeout(context.Background(), flushFor)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			otel.Handle(fmt.Errorf("export the last spans: %w", err))
			_ = exporter.Shutdown(ctx) // Ends the request that is still under way.
		}
	}, nil
}

// newExporter makes what the variables ask for; nil if that is nothing. What they
// ask for and is not there is told and left out, as their specification demands.
func newExporter() (sdktrace.SpanExporter, error) {
	asked := strings.Split(os.Getenv("OTEL_TRACES_EXPORTER"), ",")
	endpoint := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") + os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	switch {
	case strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true"), slices.Contains(asked, "none"):
		return nil, nil
	case slices.Contains(asked, "otlp"), asked[0] == "" && endpoint != "":
	case asked[0] == "":
		return nil, nil // The specification would try localhost: not unasked.
	default:
		otel.Handle(fmt.Errorf("OTEL_TRACES_EXPORTER=%s is not known here, so no traces are exported: give otlp or none", strings.Join(asked, ",")))
		return nil, nil
	}
	protocol := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	var exporter sdktrace.SpanExporter
	var err error
	switch protocol {
	case "", "http/protobuf":
		exporter, err = otlptracehttp.New(context.Background())
	case "grpc":
		exporter, err = otlptracegrpc.New(context.Background())
	default:
		otel.Handle(fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL=%s is not known here, so no traces are exported: give http/protobuf or grpc", protocol))
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("export traces as the OTEL_* variables say: %w", err)
	}
	return exporter, nil
}

// Version of the program is the resource's service.version, if it is known: main sets it before
// anything is started.
var Version string

// newResource says who measures and traces.
func newResource(service string) (*resource.Resource, error) {
	who := []attribute.KeyValue{semconv.ServiceName("spanway-" + service)}
	if Version != "" {
		who = append(who, semconv.ServiceVersion(Version))
	}
	r, err := resource.New(context.Background(),
		resource.WithAttributes(who...), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("read the OTEL_* variables: %w", err)
	}
	return r, nil
}

// sayAgain is how long the same trouble is not told again.
const sayAgain = time.Minute

// LogErrors lets OpenTelemetry's errors, such as a collector that is away, go to
// log: the first one, and then one a minute.
func LogErrors(log *slog.Logger) {
	var mu sync.Mutex
	var last time.Time
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); last.IsZero() || now.Sub(last) >= sayAgain {
			last = now
			log.Warn("telemetry is incomplete", "error", err)
		}
	}))
}
