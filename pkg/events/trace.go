package events

import "unicode/utf8"

// Trace is the W3C trace context that something was asked for in; empty: none. Nothing is decided
// by it.
type Trace struct{ Parent, State string }

// Bounds of a trace context, in bytes.
const (
	maxTraceparent = 64
	maxTracestate  = 512
)

// Trace is that of the record; one that is too long, or no text, is none.
func (e Envelope) Trace() Trace {
	if len(e.Traceparent) > maxTraceparent || len(e.Tracestate) > maxTracestate || !utf8.ValidString(e.Traceparent) || !utf8.ValidString(e.Tracestate) {
		return Trace{}
	}
	return Trace{e.Traceparent, e.Tracestate}
}

// Headers carry the trace; there are none if it is empty.
func (t Trace) Headers() (out []Header) {
	if t.Parent == "" {
		return nil
	}
	out = append(out, Header{Key: HeaderTraceparent, Value: []byte(t.Parent)})
	if t.State != "" {
		out = append(out, Header{Key: HeaderTracestate, Value: []byte(t.State)})
	}
	return out
}
