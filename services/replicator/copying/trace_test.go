package copying

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/spanway/spanway/pkg/events"
)

func TestACopyIsASpanOfTheRecordsTrace(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	defer otel.SetTracerProvider(before)
	parent := []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	written := time.Now().Add(-time.Hour)
	s := newStage()
	s.source.append(
		events.Record{Timestamp: written.UnixMilli(), Value: []byte("traced"), Encoded: append(events.EncodedHeaders{2, 2 * 11}, "traceparent\x6e"+string(parent)...)}, // A length of 55.
		events.Record{Value: []byte("not sampled"), Headers: []events.Header{{Key: events.HeaderTraceparent, Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")}}},
		events.Record{Value: []byte("without")})
	r := start(t, s.config())
	r.until("all is copied", next(3))
	r.stop()
	ended := spans.Ended()
	if len(ended) != 1 {
		t.Fatalf("%d spans", len(ended))
	}
	if got := ended[0]; got.SpanContext().TraceID().String() != "0af7651916cd43dd8448eb211c80319c" || got.Parent().SpanID().String() != "b7ad6b7169203331" || got.Name() != "copy orders" {
		t.Errorf("%+v", got)
	}
	delay := -1.0
	for _, a := range ended[0].Attributes() {
		if a.Key == "spanway.copy.delay_ms" {
			delay = a.Value.AsFloat64()
		}
	}
	least, most := float64(time.Hour.Milliseconds()), float64(time.Since(written).Milliseconds()+2) // Both ends are cut to milliseconds.
	if delay < least || delay > most {
		t.Errorf("the copy of a record that is an hour old is %v ms behind it, want %v to %v", delay, least, most)
	}
	if all := s.target.all(); string(all[0].AllHeaders()[0].Value) != string(parent) {
		t.Errorf("the record's own trace context is %q", all[0].AllHeaders())
	}
}
