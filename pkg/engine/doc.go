// Package engine lets a Go program execute tasks: it embeds an engine that the
// scheduler assigns work to by predicate and capacity.
//
//	e, err := engine.New(engine.Config{
//		Brokers: []string{"127.0.0.1:29092"},
//		ID:      "thumbs-1",
//		Labels:  map[string]any{"disk": "ssd"},
//	})
//	if err != nil {
//		return err
//	}
//	e.Handle("resize", func(ctx context.Context, t *engine.Task) ([]byte, error) {
//		return resize(ctx, t.Payload)
//	})
//	return e.Run(ctx) // until ctx ends; then it drains
//
// A handler runs in a goroutine of its own. What it returns becomes the task's
// result; an error is tried again under the task's retry policy unless Final
// says otherwise. Its context carries a span of the task's trace and ends when
// the task is cancelled, taken back or times out, or when the engine drains or
// loses its lease; context.Cause says which. A handler that does not return then
// keeps the room it needs for up to 30 s. A handler may run twice at once, here
// and on another engine, when this one was believed dead: what it writes
// elsewhere should be fenced by Task.Token, which only grows.
//
// Task.Progress tells how far a handler is, of which the newest counts;
// Task.Output passes on what it writes, whole and in order, for whoever watches.
// Terms say which tasks the engine accepts, on which node it is, and what
// measures its use (package monitor).
//
// Run reads the engine's partition of tasks.assignments and writes to its
// pool's partition of engines.reports; the state machine between them, its
// diagram and its invariants are in package lease. One goroutine owns it; one
// reads, one encodes and sends, and one runs per attempt.
//
// After a crash of the process nothing is recovered here: the scheduler misses
// the heartbeats, or sees the new incarnation register, and places the work
// again.
package engine
