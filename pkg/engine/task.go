package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// Task is one attempt at a task, as its handler sees it. It is read-only and
// for the handler's own goroutines, until the handler returns.
type Task struct {
	ID          string
	Pool        string
	Kind        string
	Payload     []byte
	PayloadType string
	Tenant      string
	// Attempt counts from 1.
	Attempt int
	// Token is the fencing token: of two attempts at a task the later one has
	// the greater token. A database that remembers the greatest token it has
	// seen can refuse the writes of an attempt that was given up.
	Token uint64
	// ResultType may be set by the handler: the content type of its result.
	ResultType string

	progress func(context.Context, []byte) error
}

// Progress tells whoever watches the task how far it is; data is at most 256
// KiB. It is cheap and may be called often: at most once a second the newest
// data are reported, and what is left when the handler returns is dropped. It
// does not wait for the broker; it fails when the attempt is over or ctx ends.
func (t *Task) Progress(ctx context.Context, data []byte) error {
	if len(data) > events.MaxPayloadBytes {
		return fmt.Errorf("report progress of task %q: %d bytes: use at most %d", t.ID, len(data), events.MaxPayloadBytes)
	}
	if err := t.progress(ctx, bytes.Clone(data)); err != nil {
		return fmt.Errorf("report progress of task %q: %w", t.ID, err)
	}
	return nil
}

// Handler executes tasks of one kind and returns their result, which is at
// most 256 KiB; larger ones go by reference. It must return soon after ctx
// ends. It may be called concurrently.
type Handler func(ctx context.Context, t *Task) ([]byte, error)

// JSON makes a Handler of a function from JSON to JSON. A payload that is not
// an In fails the task finally.
func JSON[In, Out any](f func(ctx context.Context, t *Task, in In) (Out, error)) Handler {
	return func(ctx context.Context, t *Task) ([]byte, error) {
		var in In
		if err := json.Unmarshal(t.Payload, &in); err != nil {
			return nil, Final(Fail(CodeBadPayload, fmt.Errorf("read the payload as %T: %w", in, err)))
		}
		out, err := f(ctx, t, in)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(out)
		if err != nil {
			return nil, Final(fmt.Errorf("write the result %T as JSON: %w", out, err))
		}
		t.ResultType = events.ContentJSON
		return b, nil
	}
}
