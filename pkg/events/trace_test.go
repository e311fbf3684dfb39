package events

import (
	"strings"
	"testing"
)

// A trace context that is too long, or no text, is none; any other is carried on as it came.
func TestTracesAreCarriedOn(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, e := range []Envelope{{Traceparent: strings.Repeat("x", 65)}, {Traceparent: parent, Tracestate: strings.Repeat("x", 513)}, {Traceparent: "\xff"}, {Traceparent: parent, Tracestate: "\xff"}, {}} {
		if got := e.Trace(); got != (Trace{}) || got.Headers() != nil {
			t.Errorf("the trace of %+v is %+v", e, got)
		}
	}
	headers := Envelope{Traceparent: parent, Tracestate: "shop=7"}.Trace().Headers()
	if len(headers) != 2 || headers[0].Key != HeaderTraceparent || string(headers[0].Value) != parent || string(headers[1].Value) != "shop=7" {
		t.Errorf("the headers are %q", headers)
	}
	if headers := (Envelope{Traceparent: parent}).Trace().Headers(); len(headers) != 1 {
		t.Errorf("without a state the headers are %q", headers)
	}
}
