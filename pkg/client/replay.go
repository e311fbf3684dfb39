package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Codes of dead letters that cannot be replayed.
const (
	// CodeTruncated: the letter holds a part of the record only.
	CodeTruncated events.Code = "TRUNCATED"
	// CodeNoCopy: the letter holds no copy of what was asked.
	CodeNoCopy events.Code = "NO_COPY"
)

// Replay is what can be done about a dead letter: to send a record again, or to
// submit a task again.
type Replay struct {
	// Pool and Task are of a task whose attempts were used up; Task is the first
	// one, of which there may have been retries. Both are empty for a record.
	Pool events.Pool
	Task events.TaskID
	// To is where a record is sent. Its Offset is known once it was.
	To events.Place

	died   events.TaskID
	record events.Record
	again  *events.TaskRequested // without the task's ID
}

// ReplayOf reads a record of the dead-letter topic. The error is *Refused if it
// cannot be replayed.
func (c *Client) ReplayOf(letter *events.Record) (*Replay, error) {
	if p, ok := PoisonOf(letter); ok {
		return nil, &Refused{Code: CodePoisoned, Message: fmt.Sprintf("it is a message of %s that a service could not handle (%.200s); mend the cause and publish it there again",
			p.Source(), p.Reason)}
	}
	_, m, err := events.Decode(letter)
	if err != nil {
		return nil, &Refused{Code: events.CodeBadEnvelope, Message: fmt.Sprintf("the dead letter cannot be read: %v", err)}
	}
	switch m := m.(type) {
	case *events.DeadLetter:
		return c.replayOfRecord(m)
	case *events.TaskDeadLettered:
		return replayOfTask(m), nil
	}
	return nil, &Refused{Code: CodeNoCopy, Message: fmt.Sprintf("a %s is no dead letter", events.TypeOf(m))}
}

func (c *Client) replayOfRecord(m *events.DeadLetter) (*Replay, error) {
	raw, from := m.Raw, m.Source
	switch {
	case raw == nil:
		return nil, &Refused{Code: CodeNoCopy, Message: "the letter holds no copy of the record; send it again from where it came"}
	case raw.Truncated:
		return nil, &Refused{Code: CodeTruncated, Message: fmt.Sprintf("only a part of the record was kept; send it again from where it came (it may stand at %s/%d@%d still)",
			from.GetTopic(), from.GetPartition(), from.GetOffset())}
	case from.GetTopic() != c.topics.Requests() && from.GetTopic() != c.topics.Reports():
		return nil, &Refused{Code: CodeNoCopy, Message: fmt.Sprintf("it came from %q, to which nothing is replayed", from.GetTopic())}
	}
	r := events.Record{Key: raw.Key, Value: raw.Value}
	if !raw.ValueNull && r.Value == nil {
		r.Value = []byte{}
	}
	for _, h := range raw.Headers {
		r.Headers = append(r.Headers, events.Header{Key: h.Key, Value: h.Value})
	}
	if _, unread := r.Header(events.HeaderUndecodable); unread {
		return nil, &Refused{Code: CodeNoCopy, Message: "the record could not be read at all, so there is no copy of it"}
	}
	to := events.Place{Topic: from.Topic, Partition: from.Partition, Offset: -1}
	if m.Code == string(events.CodeWrongPartition) { // There it would only be refused again.
		if pool, ok := poolOfRecord(&r); ok {
			to.Partition = events.PoolPartition(pool)
		}
	}
	return &Replay{To: to, record: r}, nil
}

func poolOfRecord(r *events.Record) (events.Pool, bool) {
	_, m, err := events.Decode(r)
	if err != nil {
		return "", false
	}
	if pool := PoolOf(m); pool != "" {
		return pool, true
	}
	return orDefault(events.Pool(r.Key)), true
}

func replayOfTask(m *events.TaskDeadLettered) *Replay {
	p := &Replay{Pool: orDefault(events.Pool(m.Pool)), Task: events.TaskID(m.TaskId), died: events.TaskID(m.TaskId)}
	if t := m.Task; t != nil {
		if t.ReplayOf != "" {
			p.Task = events.TaskID(t.ReplayOf)
		}
		if t.PayloadAt == 0 || len(t.Payload) > 0 {
			p.again = requestOf(t, p.Task)
		}
	}
	return p
}

// requestOf asks for a task again. What it waited for (a time, other tasks) has
// come to pass already.
func requestOf(t *events.Task, root events.TaskID) *events.TaskRequested {
	r := Task{
		Pool: events.Pool(t.Pool), Kind: t.Kind, Payload: t.Payload, PayloadType: t.PayloadType, Predicate: t.Predicate,
		Needs: t.Needs, Priority: &t.Priority, Tenant: t.Tenant,
		ScheduleTimeout: milliseconds(t.ScheduleTimeoutMs), ExecutionTimeout: milliseconds(t.ExecutionTimeoutMs),
	}.Request()
	if t.ExecutionTimeoutMs == 0 {
		r.ExecutionTimeout = timeout(Never)
	}
	if p := t.Retry; p != nil {
		r.Retry = Retry{
			MaxAttempts: p.MaxAttempts, InitialBackoff: milliseconds(p.InitialBackoffMs), MaxBackoff: milliseconds(p.MaxBackoffMs),
			Multiplier: p.Multiplier, FinalErrors: p.FinalErrors,
		}.request()
	}
	r.Prefer, r.LimitKey, r.ReplayOf = t.Prefer, t.LimitKey, string(root)
	if t.LimitKey != "" {
		r.Limit = &t.Limit
	}
	return r
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// Replay does it, once. It returns the ID of the new task if a task was submitted
// again: if the scheduler keeps its request, as by Retry, else by the copy in
// the letter. A record is sent as it was; what became of it is seen in the log,
// or among the dead letters. The error is *Refused if the scheduler refuses.
func (c *Client) Replay(ctx context.Context, p *Replay) (events.TaskID, error) {
	if p.Task == "" {
		return "", wrap(c.sendRaw(ctx, p), "send the record to %s/%d again", p.To.Topic, p.To.Partition)
	}
	id, err := c.Retry(ctx, p.Pool, p.died)
	var refused *Refused
	if !errors.As(err, &refused) || refused.Code != events.CodeUnknownTask {
		return id, err
	}
	if p.again == nil {
		return "", &Refused{Code: CodeNoCopy, Message: fmt.Sprintf("neither the scheduler nor the dead letter keeps the request of task %q; submit it again under a new ID", p.died)}
	}
	root := &events.TaskRetryRequested{TaskId: string(p.Task), Pool: string(p.Pool)}
	l, err := c.decide(ctx, p.Pool, p.again, func(l events.Logged) bool { return retryOf(root, l) != "" })
	return retryOf(root, l), wrap(err, "submit task %q again", p.Task)
}

// sendRaw sends a record as it is and waits for the broker.
func (c *Client) sendRaw(ctx context.Context, p *Replay) error {
	if err := c.writable(ctx, p.To.Partition); err != nil {
		return err
	}
	r := p.record
	r.Timestamp = time.Now().UnixMilli()
	type answer struct {
		offset int64
		err    error
	}
	answered := make(chan answer, 1)
	c.broker.Send(ctx, p.To.Topic, p.To.Partition, r, func(offset int64, err error) { answered <- answer{offset, err} })
	select {
	case a := <-answered:
		p.To.Offset = a.offset
		return a.err
	case <-ctx.Done():
		return fmt.Errorf("wait for the broker's acknowledgement: %w", ctx.Err())
	}
}
