package messages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"go.opentelemetry.io/otel/propagation"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

// Metadata of the message that a handler is given. Besides, correlation_id is the
// task's ID, content-type that of its payload if it has one, and traceparent and
// tracestate are those of the attempt's span if there is one.
const (
	MetadataPool    = "spanway_pool"
	MetadataKind    = "spanway_kind"
	MetadataTenant  = "spanway_tenant" // absent if it has none
	MetadataAttempt = "spanway_attempt"
	// MetadataToken is the fencing token, in decimal (engine.Task.Token).
	MetadataToken = "spanway_token"
)

// MetadataContentType is of the payload, and of the result if the handler's
// message is to be it.
const MetadataContentType = events.HeaderContentType

// Codes of failures.
const (
	// CodeNacked: the handler returned no error but refused the message.
	CodeNacked = "NACKED"
	// CodeNotPublished: what the handler produced could not be published.
	CodeNotPublished = "NOT_PUBLISHED"
	// CodeManyResults: the handler produced several messages and there is no
	// Publisher. It is final.
	CodeManyResults = "MANY_RESULTS"
)

var errNacked = errors.New("the handler refused the message (Nack) without saying why")

// Config says what becomes of what a handler produces, and what is run round it.
// The zero value is good for handlers that produce nothing, or one message.
type Config struct {
	// Publisher takes what the handler produces, on Topic. If it is nil, a single
	// message produced is the task's result.
	Publisher message.Publisher
	Topic     string
	// Middlewares are run round the handler, the first outermost, as a router
	// would.
	Middlewares []message.HandlerMiddleware
}

// Handler makes a task handler of a Watermill handler. It may be called
// concurrently if h and the middlewares may.
func Handler(h message.HandlerFunc, c Config) engine.Handler {
	for _, m := range slices.Backward(c.Middlewares) {
		h = m(h)
	}
	return func(ctx context.Context, t *engine.Task) ([]byte, error) {
		m := newMessage(ctx, t)
		produced, err := h(m)
		if err != nil {
			return nil, err
		}
		if !m.Ack() {
			return nil, engine.Fail(CodeNacked, errNacked)
		}
		if c.Publisher == nil {
			return result(t, produced)
		}
		return nil, publish(c, m, produced)
	}
}

// NoPublishHandler makes a task handler of a Watermill handler that produces
// nothing.
func NoPublishHandler(h message.NoPublishHandlerFunc, c Config) engine.Handler {
	return Handler(func(m *message.Message) ([]*message.Message, error) { return nil, h(m) }, c)
}

type taskKey struct{}

// Task is the attempt that a message was made of, for its progress, its output
// and its fencing token; nil if the context is not of such a message.
func Task(ctx context.Context) *engine.Task {
	t, _ := ctx.Value(taskKey{}).(*engine.Task)
	return t
}

func newMessage(ctx context.Context, t *engine.Task) *message.Message {
	m := message.NewMessage(t.ID, t.Payload)
	m.Metadata = message.Metadata{
		MetadataPool:    t.Pool,
		MetadataKind:    t.Kind,
		MetadataAttempt: strconv.Itoa(t.Attempt),
		MetadataToken:   strconv.FormatUint(t.Token, 10),
	}
	if t.Tenant != "" {
		m.Metadata[MetadataTenant] = t.Tenant
	}
	if t.PayloadType != "" {
		m.Metadata[MetadataContentType] = t.PayloadType
	}
	middleware.SetCorrelationID(t.ID, m)
	trace(ctx, m)
	m.SetContext(context.WithValue(ctx, taskKey{}, t))
	return m
}

// trace puts the trace of ctx into a message that has none.
func trace(ctx context.Context, m *message.Message) {
	if m.Metadata.Get(events.HeaderTraceparent) == "" {
		propagation.TraceContext{}.Inject(ctx, propagation.MapCarrier(m.Metadata))
	}
}

func result(t *engine.Task, produced []*message.Message) ([]byte, error) {
	switch len(produced) {
	case 0:
		return nil, nil
	case 1:
		t.ResultType = produced[0].Metadata.Get(MetadataContentType)
		return produced[0].Payload, nil
	}
	return nil, engine.Final(engine.Fail(CodeManyResults, fmt.Errorf(
		"the handler of kind %q produced %d messages and only one can be the task's result: give messages.Config a Publisher and a Topic",
		t.Kind, len(produced))))
}

func publish(c Config, m *message.Message, produced []*message.Message) error {
	if len(produced) == 0 {
		return nil
	}
	for _, p := range produced {
		if p.Metadata == nil {
			p.Metadata = message.Metadata{}
		}
		middleware.SetCorrelationID(middleware.MessageCorrelationID(m), p)
		trace(m.Context(), p)
		p.SetContext(m.Context())
	}
	if err := c.Publisher.Publish(c.Topic, produced...); err != nil {
		return engine.Fail(CodeNotPublished, fmt.Errorf("publish %d messages to %s: %w", len(produced), c.Topic, err))
	}
	return nil
}
