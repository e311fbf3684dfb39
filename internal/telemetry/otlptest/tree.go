package otlptest

import (
	"bytes"
	"fmt"
	"strings"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Tree writes one trace as text: a line for each span, below its parent and in
// order of time. It says service, kind, name, what became of it; "!" and error.type
// if its status is an error, and "~" if it links to its parent.
func Tree(spans []Span, traceID string) string {
	children := map[string][]Span{}
	known := map[string]bool{}
	for _, s := range spans {
		if s.Trace() == traceID {
			known[s.ID()] = true
		}
	}
	for _, s := range spans {
		parent := s.Parent()
		if !known[parent] {
			parent = "" // It is in another process, or there is none.
		}
		if s.Trace() == traceID {
			children[parent] = append(children[parent], s)
		}
	}
	var b strings.Builder
	var write func(parent string, depth int)
	write = func(parent string, depth int) {
		for _, s := range children[parent] {
			fmt.Fprintf(&b, "%s%s\n", strings.Repeat("  ", depth), line(s))
			write(s.ID(), depth+1)
		}
	}
	write("", 0)
	return b.String()
}

func line(s Span) string {
	kind := strings.ToLower(strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_"))
	words := []string{s.Service, kind, s.Name}
	for _, key := range []string{"spanway.task.outcome", "spanway.task.wait.cause"} {
		if v := s.Attribute(key); v != "" {
			words = append(words, "("+v+")")
		}
	}
	if s.Status.GetCode() == trace.Status_STATUS_CODE_ERROR {
		words = append(words, "!"+s.Attribute("error.type"))
	}
	for _, l := range s.Links {
		if bytes.Equal(l.SpanId, s.ParentSpanId) {
			words = append(words, "~")
		}
	}
	return strings.Join(words, " ")
}
