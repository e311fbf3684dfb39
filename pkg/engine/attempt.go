package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

var (
	errOver  = errors.New("the attempt is over")
	vanished = failed(Fail(CodePanic, errors.New("the handler ended its goroutine instead of returning")))
)

// start runs an attempt's handler in a goroutine of its own.
func (l *loop) start(a *lease.Attempt) {
	ctx, cancel := context.WithCancelCause(traced(a))
	l.cancels[a.Token] = cancel
	h := l.handlers[a.Task.Kind]
	l.running.Add(1)
	go func() {
		ctx, span := l.engine.span(ctx, a)
		began := l.engine.duration.Begin(ctx)
		r := vanished // Stays so if the handler calls runtime.Goexit.
		defer func() {
			endSpan(span, r)
			l.engine.duration.End(ctx, began, r.Error.GetCode())
			l.inbox.put(func(m *mail) { m.ended = append(m.ended, ended{a.Token, r, ctx}) })
			l.running.Done()
		}()
		failpoint.Hit(failpoint.EngineStarting)
		r = l.execute(ctx, h, a)
		failpoint.Hit(failpoint.EngineHandled)
	}()
}

// execute calls the handler and makes a result of whatever it does.
func (l *loop) execute(ctx context.Context, h Handler, a *lease.Attempt) (r lease.Result) {
	t := &Task{
		ID: a.Task.Id, Pool: a.Task.Pool, Kind: a.Task.Kind,
		Payload: a.Task.Payload, PayloadType: a.Task.PayloadType, Tenant: a.Task.Tenant,
		Attempt: int(a.Number), Token: uint64(a.Token),
	}
	t.report = func(ctx context.Context, s said) error { return l.hear(ctx, a.Token, s) }
	defer func() {
		if p := recover(); p != nil {
			l.log.ErrorContext(ctx, "a handler panicked", "kind", t.Kind, "task", t.ID, "panic", p, "stack", string(debug.Stack()))
			r = failed(Fail(CodePanic, fmt.Errorf("the handler panicked: %v", p)))
		}
	}()
	data, err := h(ctx, t)
	if err != nil {
		return failed(err)
	}
	return lease.Result{Outcome: events.AttemptFinished_SUCCEEDED, Data: data, Type: t.ResultType}
}

// hear hands what a handler says to the loop and waits for it to take it.
func (l *loop) hear(ctx context.Context, token events.Token, s said) error {
	done := make(chan error, 1)
	l.inbox.put(func(m *mail) {
		m.heard = append(m.heard, heard{token, s, done})
	})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.over:
		return errOver
	}
}
