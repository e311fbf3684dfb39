// Package runtest starts a whole system for the tests of what talks to it: a
// scheduler on an embedded broker, and one engine in this process.
package runtest

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/pkg/engine"
)

// House is a system with one engine, e1, that echoes, fails or waits: the kinds
// echo, fail and wait.
type House struct {
	*run.System
	// Quiet is a logger that writes nothing.
	Quiet *slog.Logger
	// Entered tells of each task of kind wait that has begun.
	Entered chan string
}

// Start starts a House, which ends with the test.
func Start(t *testing.T) *House {
	t.Helper()
	h := &House{Quiet: slog.New(slog.DiscardHandler), Entered: make(chan string, 100)}
	s, err := run.Start(t.Context(), run.Config{Logger: h.Quiet})
	if err != nil {
		t.Fatal(err)
	}
	h.System = s
	t.Cleanup(s.Stop)
	e, err := engine.New(engine.Config{Brokers: s.Brokers(), ID: "e1", Logger: h.Quiet, Grace: -1, Allocatable: map[string]int64{"slots": 64}})
	if err != nil {
		t.Fatal(err)
	}
	e.Handle("echo", func(_ context.Context, task *engine.Task) ([]byte, error) { return task.Payload, nil })
	e.Handle("fail", func(context.Context, *engine.Task) ([]byte, error) {
		return nil, engine.Final(errors.New("no such picture"))
	})
	e.Handle("wait", func(ctx context.Context, task *engine.Task) ([]byte, error) {
		h.Entered <- task.ID
		<-ctx.Done()
		return nil, ctx.Err()
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the engine ended with: %v", err)
		}
	})
	select {
	case <-e.Ready():
	case <-t.Context().Done():
	}
	return h
}

// Within is a context of the test that ends after two minutes: it only ends what hangs.
func Within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
