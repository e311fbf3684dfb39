package client

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/events"
)

// Submit asks for a task and returns its ID once the request is durable: it
// will be run however late a scheduler comes to read it. What any scheduler would
// refuse is refused here with the same code (*Refused). OutcomeOf tells what another
// error says of the request; where that is Unknown, submit again under the same ID.
// The call ends with ctx, and about a minute after the last answer of a broker.
func (c *Client) Submit(ctx context.Context, t Task) (events.TaskID, error) {
	return c.SubmitRequest(ctx, t.Request())
}

// SubmitRequest is Submit for a request in the form of the wire, which it
// completes and which must not be changed until it returns.
func (c *Client) SubmitRequest(ctx context.Context, r *events.TaskRequested) (events.TaskID, error) {
	key, id, err := c.prepare(r)
	if err != nil {
		return "", err
	}
	// So that a later Wait finds what happens from now on.
	t, err := c.tailOf(ctx, key.pool)
	if err != nil {
		return "", notSent(err)
	}
	t.track(key)
	offset, err := c.command(ctx, key.pool, id, r)
	if err != nil {
		return "", fmt.Errorf("submit task %q: %w", key.task, err)
	}
	t.requested(key, offset)
	return key.task, nil
}

// SubmitAsync queues a task and returns; done is called once, from any goroutine, when
// the request is durable or was given up (see OutcomeOf): when ctx ends, or half a minute
// after the call. It must not block. SubmitAsync itself blocks while too much is queued,
// no longer than that. It is the fast way; what becomes of the tasks is seen with Watch.
func (c *Client) SubmitAsync(ctx context.Context, t Task, done func(events.TaskID, error)) {
	c.SubmitRequestAsync(ctx, t.Request(), done)
}

// SubmitRequestAsync is SubmitAsync for a request in the form of the wire, which
// it completes and which must not be changed any more.
func (c *Client) SubmitRequestAsync(ctx context.Context, r *events.TaskRequested, done func(events.TaskID, error)) {
	key, id, err := c.prepare(r)
	if err == nil {
		err = c.send(ctx, key.pool, id, r, func(_ int64, err error) {
			done(key.task, wrap(err, "submit task %q", key.task))
		})
	}
	if err != nil {
		done(key.task, notSent(err))
	}
}

// prepare fills in what the client chooses and refuses what cannot be run. The
// command's own ID is that of the task if it is fresh.
func (c *Client) prepare(r *events.TaskRequested) (key taskKey, id string, err error) {
	if r.Pool == "" {
		r.Pool = string(events.DefaultPool)
	}
	id = newID()
	if r.TaskId == "" {
		r.TaskId = id
	}
	return taskKey{events.Pool(r.Pool), events.TaskID(r.TaskId)}, id, c.Validate(r)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// command sends a command to the requests of a pool and returns its offset.
func (c *Client) command(ctx context.Context, pool events.Pool, id string, m proto.Message) (int64, error) {
	type answer struct {
		offset int64
		err    error
	}
	if err := c.writable(ctx, events.PoolPartition(pool)); err != nil {
		return 0, err
	}
	answered := make(chan answer, 1)
	err := c.send(ctx, pool, id, m, func(offset int64, err error) { answered <- answer{offset, err} })
	if err != nil {
		return 0, err
	}
	select {
	case a := <-answered:
		return a.offset, a.err
	case <-ctx.Done():
		return 0, fmt.Errorf("wait for the broker's acknowledgement: %w", ctx.Err())
	}
}

func (c *Client) send(ctx context.Context, pool events.Pool, id string, m proto.Message, done func(int64, error)) error {
	partition := events.PoolPartition(pool)
	ctx, span := c.sends.Start(ctx)
	if span.IsRecording() {
		describe(span, partition, id, m)
	}
	record, err := c.encoder.Encode(id, m, messaging.Inject(ctx)...)
	if err != nil {
		messaging.Sent(span, 0, err)
		return err
	}
	record.Key, record.Timestamp = []byte(pool), time.Now().UnixMilli()
	told := func(offset int64, err error) {
		messaging.Sent(span, offset, err)
		done(offset, err)
	}
	c.whenWritable(ctx, partition,
		func() { c.broker.Send(ctx, c.topics.Requests(), partition, record, told) },
		func(err error) { told(0, err) })
	return nil
}

// scope names what the client traces.
const scope = "github.com/spanway/spanway/pkg/client"

// describe says which command the span of a send is about. The span lasts until
// the broker has acknowledged it or it was given up.
func describe(span trace.Span, partition int32, id string, m proto.Message) {
	span.SetAttributes(messaging.Partition(partition), messaging.MessageID(id))
	named, ok := m.(interface {
		GetPool() string
		GetTaskId() string
	})
	if !ok {
		return
	}
	span.SetAttributes(messaging.TaskPool.String(named.GetPool()))
	if task := named.GetTaskId(); task != "" {
		span.SetAttributes(messaging.TaskID.String(task), messaging.Conversation(task))
	}
	if r, ok := m.(*events.TaskRequested); ok {
		span.SetAttributes(messaging.TaskKind.String(r.Kind))
	}
}
