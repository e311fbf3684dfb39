package scheduler

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// A request without a trace begins one, whose first span is the reading of it; all
// others are left as they are.
func TestRequestsWithoutATraceBeginOne(t *testing.T) {
	s := newStage(t)
	topics := events.Topics{Prefix: events.DefaultPrefix}
	partition := events.PoolPartition("blue")
	preparer := placement.NewPreparer(placement.Config{Topics: topics, Partition: partition})
	prepare := newRoots(topics.Requests()).before(preparer.Prepare)
	full := make([]events.Header, events.MaxHeaders)
	for i := range full {
		full[i].Key = fmt.Sprint("x", i)
	}
	for _, tt := range []struct {
		name    string
		headers []events.Header
		begins  bool
	}{
		{"binary", []events.Header{{Key: "ce_type", Value: []byte(events.TypeTaskRequested)}, {Key: "content-type", Value: []byte("application/json")}}, true},
		{"traced", []events.Header{{Key: "ce_type", Value: []byte(events.TypeTaskRequested)}, {Key: "traceparent", Value: []byte(traceparent)}}, false},
		{"a cancel", []events.Header{{Key: "ce_type", Value: []byte(events.TypeTaskCancelRequested)}}, false},
		{"structured", []events.Header{{Key: "ce_type", Value: []byte(events.TypeTaskRequested)}, {Key: "content-type", Value: []byte("Application/CloudEvents+json")}}, false},
		{"full", append(full[1:len(full):len(full)], events.Header{Key: "ce_type", Value: []byte(events.TypeTaskRequested)}), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := &events.Record{Offset: 7, Headers: append([]events.Header{
				{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: []byte("1")}, {Key: "ce_source", Value: []byte("/x")},
			}, tt.headers...), Value: []byte(`{"taskId":"1","pool":"blue","kind":"k"}`)}
			before := len(rec.Headers)
			if tt.name == "full" {
				rec.Headers = tt.headers
				before = len(tt.headers)
			}
			prepared := prepare(topics.Requests(), partition, rec)
			spans := s.spans.GetSpans()
			s.spans.Reset()
			if !tt.begins {
				if len(spans) > 0 || len(rec.Headers) != before {
					t.Errorf("%d spans, %d headers of %d", len(spans), len(rec.Headers), before)
				}
				return
			}
			from, _, _, ok := placement.TraceOf(prepared)
			if !ok || len(spans) != 1 || !strings.Contains(from.Parent, spans[0].SpanContext.SpanID().String()) {
				t.Fatalf("it is prepared in trace %q, and the spans are %v", from.Parent, spans)
			}
			if root := spans[0]; root.Name != "poll spanway.tasks.requests" || root.SpanKind != trace.SpanKindClient || root.Parent.IsValid() {
				t.Errorf("the first span is %q of kind %v, a child of %v", root.Name, root.SpanKind, root.Parent)
			}
		})
	}
}
