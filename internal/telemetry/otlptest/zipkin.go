package otlptest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// zipkinSpan is a span in version 2 of Zipkin's JSON. Times are in microseconds.
type zipkinSpan struct {
	TraceID  string            `json:"traceId"`
	ID       string            `json:"id"`
	ParentID string            `json:"parentId,omitempty"`
	Kind     string            `json:"kind,omitempty"`
	Name     string            `json:"name"`
	Start    uint64            `json:"timestamp"`
	Duration uint64            `json:"duration"`
	Local    map[string]string `json:"localEndpoint"`
	Tags     map[string]string `json:"tags"`
}

var zipkinKinds = map[trace.Span_SpanKind]string{
	trace.Span_SPAN_KIND_PRODUCER: "PRODUCER", trace.Span_SPAN_KIND_CONSUMER: "CONSUMER",
	trace.Span_SPAN_KIND_CLIENT: "CLIENT", trace.Span_SPAN_KIND_SERVER: "SERVER",
}

// PostToZipkin sends spans to a Zipkin server, which has no receiver of OTLP.
// Links have no place there.
func PostToZipkin(ctx context.Context, url string, spans []Span) error {
	out := make([]zipkinSpan, 0, len(spans))
	for _, s := range spans {
		z := zipkinSpan{
			TraceID: s.Trace(), ID: s.ID(), ParentID: s.Parent(), Kind: zipkinKinds[s.Kind], Name: s.Name,
			Start: s.StartTimeUnixNano / 1000, Duration: max(1, (s.EndTimeUnixNano-s.StartTimeUnixNano)/1000),
			Local: map[string]string{"serviceName": s.Service}, Tags: map[string]string{"otel.scope.name": s.Scope},
		}
		for _, a := range s.Attributes {
			z.Tags[a.Key] = s.Attribute(a.Key)
		}
		if s.Status.GetCode() == trace.Status_STATUS_CODE_ERROR {
			z.Tags["error"] = s.Status.Message
		}
		out = append(out, z)
	}
	body, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("write %d spans for Zipkin: %w", len(out), err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(url, "/")+"/api/v2/spans", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post spans to %s: %w", url, err)
	}
	req.Header.Set("content-type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("post spans to %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("post spans to %s: it answers %s", url, resp.Status)
	}
	return nil
}
