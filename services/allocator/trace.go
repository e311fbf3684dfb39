package allocator

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
)

var tracer = messaging.Tracer("github.com/spanway/spanway/services/allocator")

// traced begins a span in which the store proposes ranges for requests of one space: in
// the trace of the first of them that is in one, with links to the others. It is the
// service's context, since a proposal is of all of them.
func (g *granter) traced(space string, batch []*request) (context.Context, trace.Span) {
	var links []trace.Link
	for _, r := range batch {
		if r.sent.IsSampled() && len(links) <= messaging.MaxLinks {
			links = append(links, trace.Link{SpanContext: r.sent})
		}
	}
	if len(links) == 0 {
		return g.ctx, trace.SpanFromContext(g.ctx) // It is in none.
	}
	ctx := trace.ContextWithSpanContext(g.ctx, links[0].SpanContext)
	return tracer.Start(ctx, "propose", trace.WithLinks(links[1:]...),
		trace.WithAttributes(attribute.String("spanway.ids.space", space), attribute.Int("spanway.ids.requests", len(batch))))
}
