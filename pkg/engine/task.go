package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/engine/lease"
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

	report func(context.Context, said) error
}

// said is what a handler tells while it runs.
type said struct {
	typ    string // content type of data
	data   []byte
	output bool // it continues a stream; else it replaces what was said before
}

// Stream is a kind of output that a task writes while it runs.
type Stream string

// The streams, named by their content types.
const (
	Stdout Stream = events.ContentStdout
	Stderr Stream = events.ContentStderr
)

// MaxOutputBytes is how much of an attempt's output is reported.
const MaxOutputBytes = lease.MaxOutputBytes

var errNoEngine = errors.New("no engine has made this task")

// Progress tells whoever watches the task how far it is; data is at most 64
// KiB. It is cheap and may be called often: at most once a second the newest
// data are reported, and what is left when the handler returns is dropped. It
// does not wait for the broker; it fails when the attempt is over or ctx ends.
func (t *Task) Progress(ctx context.Context, data []byte) error {
	return t.ProgressAs(ctx, "", data)
}

// ProgressAs is Progress with data of a content type.
func (t *Task) ProgressAs(ctx context.Context, contentType string, data []byte) error {
	if len(data) > events.MaxProgressBytes {
		return fmt.Errorf("report progress of task %q: %d bytes: use at most %d", t.ID, len(data), events.MaxProgressBytes)
	}
	return t.say(ctx, "progress", said{typ: contentType, data: data})
}

// Output passes on what the task writes, to be seen while it runs. Unlike
// progress, nothing takes the place of anything: it is reported in order, at
// most four times a second in pieces of at most 16 KiB that end where lines do if
// that can be, and what is left when the handler returns goes before its result.
// Of one attempt 256 KiB are reported, and then once that there was more. It
// fails as Progress does.
func (t *Task) Output(ctx context.Context, s Stream, data []byte) error {
	if s != Stdout && s != Stderr {
		return fmt.Errorf("report output of task %q: stream %q: use %q or %q", t.ID, s, Stdout, Stderr)
	}
	if len(data) == 0 {
		return nil
	}
	return t.say(ctx, "output", said{typ: string(s), data: data, output: true})
}

func (t *Task) say(ctx context.Context, what string, s said) error {
	err := errNoEngine
	if s.data = bytes.Clone(s.data); t.report != nil {
		err = t.report(ctx, s)
	}
	if err != nil {
		return fmt.Errorf("report %s of task %q: %w", what, t.ID, err)
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
