package messaging

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

func TestSampled(t *testing.T) {
	const id = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
	for parent, want := range map[string]bool{
		"": false, "-": false, id: false, id + "00": false, id + "01": true, id + "02": false, id + "03": true,
		id + "0a": false, id + "0b": true, id + "ff": true, id + "f0": false, id + "1": false,
	} {
		if Sampled(parent) != want {
			t.Errorf("%q is sampled: %v", parent, !want)
		}
	}
}

func TestContextsTravel(t *testing.T) {
	const parent, state = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "shop=7"
	headers := Inject(Extract(t.Context(), parent, state))
	if len(headers) != 2 || string(headers[0].Value) != parent || string(headers[1].Value) != state {
		t.Errorf("there come %v", headers)
	}
	for _, malformed := range []string{"", "no trace", "00-0-0-01"} {
		if ctx := Extract(t.Context(), malformed, state); trace.SpanContextFromContext(ctx).IsValid() {
			t.Errorf("%q is a trace", malformed)
		}
	}
	if headers := Inject(t.Context()); headers != nil {
		t.Errorf("without a trace there come %v", headers)
	}
}

// points are the metrics that a reader finds: count, or value, by name and error.type.
func points(t *testing.T, reader sdkmetric.Reader) map[string]uint64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]uint64{}
	note := func(name string, set attribute.Set, n uint64) {
		for _, key := range []attribute.Key{semconv.MessagingSystemKey, semconv.MessagingOperationNameKey, semconv.MessagingDestinationNameKey} {
			if !set.HasValue(key) {
				t.Errorf("%s has no %s", name, key)
			}
		}
		if v, ok := set.Value(semconv.ErrorTypeKey); ok {
			name += " !" + v.AsString()
		}
		out[name] += n
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					note(m.Name, p.Attributes, p.Count)
				}
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					note(m.Name, p.Attributes, uint64(p.Value))
				}
			}
		}
	}
	return out
}

type broken struct{ error }

func (broken) ErrorType() string { return "NOT_LEADER" }

func TestMetricsOfTheConventions(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test")
	client, log, ctx, began := NewClient(meter), &Log{Topic: "t", ID: 3}, t.Context(), time.Now()
	client.Sent(ctx, log, began, 10, nil)
	client.Sent(ctx, log, began, 1, broken{errors.New("no")})
	client.Polled(ctx, log, began, 7, nil)
	client.Polled(ctx, log, began, 0, nil)
	processing := NewProcessing(meter, "t")
	processing.End(ctx, processing.Begin(ctx), "")
	processing.End(ctx, processing.Begin(ctx), "TIMEOUT")
	got := points(t, reader)
	for name, want := range map[string]uint64{
		"messaging.client.operation.duration": 3, "messaging.client.operation.duration !NOT_LEADER": 1,
		"messaging.client.sent.messages": 10, "messaging.client.sent.messages !NOT_LEADER": 1,
		"messaging.client.consumed.messages": 7,
		"messaging.process.duration":         1, "messaging.process.duration !TIMEOUT": 1,
	} {
		if got[name] != want {
			t.Errorf("%s is %d, want %d", name, got[name], want)
		}
	}
	if len(got) != 7 {
		t.Errorf("measured: %v", got)
	}
}

func TestNobodyMeasuresAtNoCost(t *testing.T) {
	ctx := context.Background()
	for _, m := range []*Client{NewClient(otel.Meter("test")), NewClient(noop.Meter{})} {
		log := &Log{Topic: "t"}
		processing := NewProcessing(otel.Meter("test"), "t")
		cost := testing.AllocsPerRun(100, func() {
			m.Sent(ctx, log, time.Time{}, 1, nil)
			m.Polled(ctx, log, time.Time{}, 1, nil)
			processing.End(ctx, processing.Begin(ctx), "")
		})
		if cost > 0 {
			t.Errorf("measuring costs %v allocations", cost)
		}
	}
}

func TestSpansCostNothingWithoutAnSDK(t *testing.T) {
	sends := Sends(Tracer("test"), "t")
	ctx := t.Context()
	cost := testing.AllocsPerRun(100, func() {
		ctx, span := sends.Start(ctx)
		if Inject(ctx) != nil {
			t.Error("there is a trace")
		}
		Sent(span, 1, nil)
	})
	if cost > 0 {
		t.Errorf("a span costs %v allocations", cost)
	}
}
