package store

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/tracing"
)

var tracer = tracing.Tracer("github.com/spanway/spanway/services/allocator/store", trace.WithSchemaURL(semconv.SchemaURL))

// observed has each call of Redis measured, and in a span if it is part of a trace, by the
// conventions of OpenTelemetry for Redis.
func (m *metrics) observed(client redis.UniversalClient, c Config) {
	namespace := semconv.DBNamespace(strconv.Itoa(c.Database))
	if cluster, ok := client.(*redis.ClusterClient); ok { // Its nodes are called, also by Watch.
		cluster.OnNewNode(func(node *redis.Client) { node.AddHook(newCalls(m, node.Options().Addr, namespace)) })
		return
	}
	addr := ""
	if c.Master == "" {
		addr = c.Addrs[0]
	}
	client.AddHook(newCalls(m, addr, namespace))
}

// calls are those of one server, or of whichever is master: then addr is empty.
type calls struct {
	metrics *metrics
	addr    string
	always  []attribute.KeyValue
}

func newCalls(m *metrics, addr string, namespace attribute.KeyValue) calls {
	c := calls{m, addr, []attribute.KeyValue{semconv.DBSystemNameRedis, namespace}}
	if host, port, err := net.SplitHostPort(addr); err == nil {
		n, _ := strconv.Atoi(port)
		c.always = append(c.always, semconv.ServerAddress(host), semconv.ServerPort(n))
	}
	return c
}

// DialHook implements redis.Hook: connecting is part of the call that needs it.
func (c calls) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (c calls) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return c.call(ctx, strings.ToUpper(cmd.Name()), 1, func(ctx context.Context) error { return next(ctx, cmd) })
	}
}

// ProcessPipelineHook implements redis.Hook.
func (c calls) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		name, n := batch(cmds)
		return c.call(ctx, name, n, func(ctx context.Context) error { return next(ctx, cmds) })
	}
}

// batch names a transaction, MULTI, or how a connection begins, PIPELINE; and the command
// if all are the same.
func batch(cmds []redis.Cmder) (name string, n int) {
	kind, same := "PIPELINE", ""
	for _, cmd := range cmds {
		of := strings.ToUpper(cmd.Name())
		if of == "MULTI" || of == "EXEC" {
			kind = "MULTI"
			continue
		}
		if n++; n == 1 {
			same = " " + of
		} else if same != " "+of {
			same = ""
		}
	}
	return kind + same, n
}

// call has f measured, and in a span. Keys and values are not told: they name requests.
func (c calls) call(ctx context.Context, name string, n int, f func(context.Context) error) error {
	about := append(append(make([]attribute.KeyValue, 0, 8), c.always...), semconv.DBOperationName(name))
	began := time.Now()
	var span trace.Span
	if traced := trace.SpanContextFromContext(ctx).IsSampled(); traced {
		title := strings.TrimSpace(name + " " + c.addr)
		ctx, span = tracer.Start(ctx, title, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
		defer span.End()
		if n > 1 {
			span.SetAttributes(semconv.DBOperationBatchSize(n))
		}
	}
	err := f(ctx)
	if err != nil && !errors.Is(err, redis.Nil) && !errors.Is(err, redis.TxFailedErr) {
		why := reason(err)
		about = append(about, semconv.ErrorTypeKey.String(why))
		if span != nil {
			span.SetAttributes(semconv.ErrorTypeKey.String(why))
			if errors.As(err, new(redis.Error)) {
				span.SetAttributes(semconv.DBResponseStatusCode(why))
			}
			span.SetStatus(codes.Error, err.Error())
		}
	}
	c.metrics.calls.Record(ctx, time.Since(began).Seconds(), metric.WithAttributeSet(attribute.NewSet(about...)))
	return err
}
