// Command fleet runs several engines in one process for a chaos run: "fleet BROKER PREFIX
// NUMBER COUNT". Their tasks succeed, sleep, fail, hang or panic, as their kinds say.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spanway/spanway/e2e/chaos"
	"github.com/spanway/spanway/pkg/engine"
)

func main() {
	var broker, prefix string
	var number, count int
	if _, err := fmt.Sscan(strings.Join(os.Args[1:], " "), &broker, &prefix, &number, &count); err != nil {
		fmt.Fprintln(os.Stderr, "usage: fleet BROKER PREFIX NUMBER COUNT:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var all sync.WaitGroup
	for i := range count {
		pools := chaos.Pools()
		of := i / len(pools) // of its pool, in this process
		e, err := engine.New(engine.Config{
			Brokers: []string{broker}, Prefix: prefix, ID: fmt.Sprintf("fleet-%d-%d", number, i), Pool: string(pools[i%len(pools)]),
			Site: []string{"eu", "us"}[of%2], Labels: map[string]any{"zone": string(rune('a' + (number+of)%3)), "gpu": number % 4},
			Allocatable: map[string]int64{"slots": int64(3 + i%3)}, TTL: 3 * time.Second, Grace: time.Second,
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		handle(e)
		all.Go(func() {
			if err := e.Run(ctx); err != nil {
				fmt.Fprintln(os.Stderr, "engine ended:", err)
			}
		})
	}
	all.Wait()
}

func handle(e *engine.Engine) {
	e.Handle(chaos.KindNoop, func(context.Context, *engine.Task) ([]byte, error) { return nil, nil })
	e.Handle(chaos.KindSleep, func(ctx context.Context, t *engine.Task) ([]byte, error) {
		d, err := time.ParseDuration(string(t.Payload))
		if err != nil {
			return nil, err
		}
		return []byte("slept"), pause(ctx, d)
	})
	e.Handle(chaos.KindFail, func(context.Context, *engine.Task) ([]byte, error) {
		if rand.IntN(2) == 0 {
			return nil, errors.New("as it was asked to")
		}
		return []byte("not this time"), nil
	})
	e.Handle(chaos.KindPanic, func(context.Context, *engine.Task) ([]byte, error) { panic("as it was asked to") })
	e.Handle(chaos.KindHang, func(ctx context.Context, _ *engine.Task) ([]byte, error) { return nil, pause(ctx, time.Hour) })
}

// pause waits, for as long as the attempt is wanted.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
