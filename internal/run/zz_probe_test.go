package run

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/pprof"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

func TestProbe(t *testing.T) {
	const n = 200_000
	began := time.Now()
	s, err := Start(t.Context(), Config{Engines: 0, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready in %v", time.Since(began))
	defer s.Stop()
	c, err := client.New(client.Config{Brokers: s.Brokers()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		e, err := engine.New(engine.Config{Brokers: s.Brokers(), ID: fmt.Sprint("p", i), Allocatable: map[string]int64{"slots": 1000}})
		if err != nil {
			t.Fatal(err)
		}
		e.Handle("noop", func(context.Context, *engine.Task) ([]byte, error) { return nil, nil })
		go e.Run(t.Context())
		<-e.Ready()
	}
	var ended atomic.Int64
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_ = c.Watch(ctx, client.WatchConfig{Pool: "default"}, func(e client.Event) error {
			if e.Type == events.TypeTaskSucceeded {
				if ended.Add(1) == n {
					close(done)
				}
			}
			return nil
		})
	}()
	f, _ := os.Create("/tmp/cpu.prof")
	_ = pprof.StartCPUProfile(f)
	payload := make([]byte, 200)
	began = time.Now()
	for i := range n {
		c.SubmitAsync(ctx, client.Task{ID: events.TaskID(fmt.Sprint("t", i)), Kind: "noop", Payload: payload}, func(_ events.TaskID, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	t.Logf("submitted in %v", time.Since(began))
	select {
	case <-done:
	case <-time.After(120 * time.Second):
		t.Errorf("only %d", ended.Load())
	}
	took := time.Since(began)
	pprof.StopCPUProfile()
	t.Logf("%d tasks in %v: %.0f/s", n, took, n/took.Seconds())
}
