package telemetry

import (
	"go.opentelemetry.io/otel/propagation"

	"github.com/spanway/spanway/pkg/events"
)

// Headers carries a trace context in a record's headers.
type Headers struct{ Record *events.Record }

var _ propagation.TextMapCarrier = Headers{}

// Get returns the value of a header, or "".
func (h Headers) Get(key string) string {
	v, _ := h.Record.Header(key)
	return string(v)
}

// Set replaces a header or appends it.
func (h Headers) Set(key, value string) {
	for i := range h.Record.Headers {
		if h.Record.Headers[i].Key == key {
			h.Record.Headers[i].Value = []byte(value)
			return
		}
	}
	h.Record.Headers = append(h.Record.Headers, events.Header{Key: key, Value: []byte(value)})
}

// Keys lists the headers.
func (h Headers) Keys() []string {
	keys := make([]string, len(h.Record.Headers))
	for i := range h.Record.Headers {
		keys[i] = h.Record.Headers[i].Key
	}
	return keys
}
