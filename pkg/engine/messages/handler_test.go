package messages_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/engine/messages"
)

const traceparent = "00-0102030405060708090a0b0c0d0e0f10-0102030405060708-01"

func traced() context.Context {
	return trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, SpanID: [8]byte{1, 2, 3, 4, 5, 6, 7, 8},
		TraceFlags: trace.FlagsSampled,
	}))
}

func newTask() *engine.Task {
	return &engine.Task{
		ID: "t-1", Pool: "blue", Kind: "resize", Payload: []byte("img"), PayloadType: "image/png",
		Tenant: "acme", Attempt: 2, Token: 1 << 60,
	}
}

// published remembers what it was given and fails with err.
type published struct {
	topic string
	all   []*message.Message
	err   error
}

func (p *published) Publish(topic string, all ...*message.Message) error {
	p.topic, p.all = topic, all
	return p.err
}
func (*published) Close() error { return nil }

func TestAnAttemptBecomesAMessage(t *testing.T) {
	task := newTask()
	_, err := messages.NoPublishHandler(func(m *message.Message) error {
		want := message.Metadata{
			"spanway_pool": "blue", "spanway_kind": "resize", "spanway_tenant": "acme", "spanway_attempt": "2",
			"spanway_token": "1152921504606846976", "content-type": "image/png", "correlation_id": "t-1",
			"traceparent": traceparent,
		}
		if diff := cmp.Diff(want, m.Metadata); diff != "" {
			t.Errorf("metadata, want (-) and got (+):\n%s", diff)
		}
		if m.UUID != "t-1" || string(m.Payload) != "img" {
			t.Errorf("the message is %q with payload %q", m.UUID, m.Payload)
		}
		if messages.Task(m.Context()) != task {
			t.Error("the task is not in the context")
		}
		return nil
	}, messages.Config{})(traced(), task)
	if err != nil {
		t.Error(err)
	}
	if messages.Task(context.Background()) != nil {
		t.Error("there is a task in an empty context")
	}
}

func TestOutcomes(t *testing.T) {
	boom := errors.New("boom")
	typed := func(payload, typ string) *message.Message {
		m := message.NewMessage("m", []byte(payload))
		if typ != "" {
			m.Metadata.Set("content-type", typ)
		}
		return m
	}
	for _, tt := range []struct {
		name               string
		handler            message.HandlerFunc
		config             messages.Config
		result, resultType string
		code               string
		final              bool
		says               string
	}{
		{name: "nothing", handler: produce()},
		{name: "one", handler: produce(typed("small", "image/webp")), result: "small", resultType: "image/webp"},
		{name: "several", handler: produce(typed("a", ""), typed("b", "")), code: "MANY_RESULTS", final: true, says: "2 messages"},
		{name: "acked by itself", handler: func(m *message.Message) ([]*message.Message, error) { m.Ack(); return nil, nil }},
		{name: "nacked by itself", handler: func(m *message.Message) ([]*message.Message, error) { m.Nack(); return nil, nil }, code: "NACKED"},
		{name: "error", handler: fail(boom), code: engine.CodeError, says: "boom"},
		{name: "final error", handler: fail(engine.Final(engine.Fail("BAD", boom))), code: "BAD", final: true, says: "boom"},
		{
			name: "recovered", handler: func(*message.Message) ([]*message.Message, error) { panic("ouch") },
			config: messages.Config{Middlewares: []message.HandlerMiddleware{middleware.Recoverer}}, code: engine.CodeError, says: "ouch",
		},
		{
			name: "not published", handler: produce(typed("a", "")),
			config: messages.Config{Publisher: &published{err: boom}, Topic: "out"}, code: "NOT_PUBLISHED", says: "to out: boom",
		},
		{name: "nothing to publish", handler: produce(), config: messages.Config{Publisher: &published{err: boom}, Topic: "out"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			task := newTask()
			result, err := messages.Handler(tt.handler, tt.config)(traced(), task)
			if string(result) != tt.result || task.ResultType != tt.resultType {
				t.Errorf("the result is %q of type %q, want %q of %q", result, task.ResultType, tt.result, tt.resultType)
			}
			code, final := engine.CodeOf(err)
			if code != tt.code || final != tt.final {
				t.Errorf("the error is %v with code %q, final %v; want %q, %v", err, code, final, tt.code, tt.final)
			}
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error says %q and not %q", err, tt.says)
			}
		})
	}
}

func produce(out ...*message.Message) message.HandlerFunc {
	return func(*message.Message) ([]*message.Message, error) { return out, nil }
}

func fail(err error) message.HandlerFunc {
	return func(*message.Message) ([]*message.Message, error) { return nil, err }
}

func TestWhatIsProducedIsPublished(t *testing.T) {
	own := message.NewMessage(watermill.NewUUID(), nil)
	own.Metadata.Set("correlation_id", "mine")
	own.Metadata.Set("traceparent", "kept")
	bare := &message.Message{UUID: "bare"}
	out := &published{}
	result, err := messages.Handler(produce(bare, own), messages.Config{Publisher: out, Topic: "out"})(traced(), newTask())
	if err != nil || result != nil {
		t.Errorf("the handler returned %q, %v", result, err)
	}
	if out.topic != "out" || len(out.all) != 2 {
		t.Fatalf("%d messages were published to %q", len(out.all), out.topic)
	}
	if diff := cmp.Diff(message.Metadata{"correlation_id": "t-1", "traceparent": traceparent}, bare.Metadata); diff != "" {
		t.Errorf("metadata of the first, want (-) and got (+):\n%s", diff)
	}
	if diff := cmp.Diff(message.Metadata{"correlation_id": "mine", "traceparent": "kept"}, own.Metadata); diff != "" {
		t.Errorf("metadata of the second, want (-) and got (+):\n%s", diff)
	}
}

func TestMiddlewaresRunInOrder(t *testing.T) {
	var order []string
	note := func(name string) message.HandlerMiddleware {
		return func(h message.HandlerFunc) message.HandlerFunc {
			return func(m *message.Message) ([]*message.Message, error) {
				order = append(order, name)
				return h(m)
			}
		}
	}
	c := messages.Config{Middlewares: []message.HandlerMiddleware{note("outer"), note("inner")}}
	if _, err := messages.NoPublishHandler(func(*message.Message) error { return nil }, c)(context.Background(), newTask()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"outer", "inner"}, order); diff != "" {
		t.Error(diff)
	}
}
