package otlptest

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Receiver takes spans. It is safe for concurrent use; close it when done.
type Receiver struct {
	// URL is what OTEL_EXPORTER_OTLP_ENDPOINT must be.
	URL    string
	server *httptest.Server

	mu      sync.Mutex
	spans   []Span
	arrived chan struct{} // closed when more have
}

// Span is a span as it came, with the service that sent it.
type Span struct {
	*trace.Span
	Service string
	Scope   string
}

// Attribute is the text of an attribute; empty if there is none.
func (s Span) Attribute(key string) string { return textOf(s.Attributes, key) }

// Trace and ID are the span's, in hexadecimal digits; so is Parent, empty for none.
func (s Span) Trace() string { return fmt.Sprintf("%x", s.TraceId) }

// ID is the span's own.
func (s Span) ID() string { return fmt.Sprintf("%x", s.SpanId) }

// Parent is the ID of the span that this one is a child of.
func (s Span) Parent() string { return fmt.Sprintf("%x", s.ParentSpanId) }

func textOf(attributes []*common.KeyValue, key string) string {
	for _, a := range attributes {
		if a.Key != key {
			continue
		}
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			return v.StringValue
		case *common.AnyValue_IntValue:
			return fmt.Sprint(v.IntValue)
		default:
			return a.Value.String()
		}
	}
	return ""
}

// Start makes a receiver that listens on a free port of the loopback.
func Start() *Receiver {
	r := &Receiver{arrived: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", r.receive)
	r.server = httptest.NewServer(mux)
	r.URL = r.server.URL
	return r
}

// Close stops listening.
func (r *Receiver) Close() { r.server.Close() }

func (r *Receiver) receive(w http.ResponseWriter, req *http.Request) {
	request, err := decode(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				r.spans = append(r.spans, Span{s, textOf(resource.Resource.GetAttributes(), "service.name"), scope.Scope.GetName()})
			}
		}
	}
	close(r.arrived)
	r.arrived = make(chan struct{})
	r.mu.Unlock()
	answer, err := proto.Marshal(&collector.ExportTraceServiceResponse{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("content-type", "application/x-protobuf")
	_, _ = w.Write(answer) // The exporter that has gone away needs none.
}

func decode(req *http.Request) (*collector.ExportTraceServiceRequest, error) {
	if t := req.Header.Get("content-type"); t != "application/x-protobuf" {
		return nil, fmt.Errorf("content type %q; only application/x-protobuf is decoded here", t)
	}
	body := io.Reader(req.Body)
	if req.Header.Get("content-encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("read the compressed request: %w", err)
		}
		body = z
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	request := &collector.ExportTraceServiceRequest{}
	if err := proto.Unmarshal(b, request); err != nil {
		return nil, fmt.Errorf("decode the request: %w", err)
	}
	return request, nil
}

// Spans are those that have come, by the time at which they began.
func (r *Receiver) Spans() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Clone(r.spans)
	slices.SortStableFunc(out, func(a, b Span) int {
		return int(int64(a.StartTimeUnixNano) - int64(b.StartTimeUnixNano))
	})
	return out
}

// Await waits until the spans that have come are enough, or ctx ends, and returns
// them.
func (r *Receiver) Await(ctx context.Context, enough func([]Span) bool) ([]Span, error) {
	for {
		r.mu.Lock()
		arrived := r.arrived
		r.mu.Unlock()
		spans := r.Spans()
		if enough(spans) {
			return spans, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return spans, fmt.Errorf("wait for spans, %d have come: %w", len(spans), ctx.Err())
		}
	}
}
