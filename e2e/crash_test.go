package e2e_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

const ttl = 5 * time.Second

// G1: the work of an engine that was killed is placed again within TTL + 1 s;
// that of one that was asked to end, at once and at no cost.
func TestEngineKilledAndEnded(t *testing.T) {
	s := newSystem(t)
	s.scheduler()
	victim := s.engineProcess("victim", "--slots", "4")
	s.seen.awaitCount(t, events.TypeEngineRegistered, 1, 30*time.Second)
	s.submit(4, func(i int) client.Task {
		return client.Task{ID: events.TaskID(fmt.Sprint("t", i)), Kind: "exec", Payload: []byte(`{"command":["sleep","8"]}`)}
	})
	s.seen.awaitCount(t, events.TypeTaskStarted, 4, 20*time.Second)
	second := s.engineProcess("second", "--slots", "4", "--grace", "0s")
	s.seen.awaitCount(t, events.TypeEngineRegistered, 2, 20*time.Second)

	kill(victim)
	killed := time.Now()
	s.seen.awaitCount(t, events.TypeTaskAssigned, 8, ttl+5*time.Second)
	if took := time.Since(killed); took > ttl+time.Second {
		t.Errorf("placed again after %v, want within %v", took, ttl+time.Second)
	} else {
		t.Logf("placed again %v after kill -9 (TTL %v)", took.Round(time.Millisecond), ttl)
	}
	s.seen.awaitCount(t, events.TypeTaskStarted, 8, 10*time.Second)

	s.engineProcess("third", "--slots", "4")
	s.seen.awaitCount(t, events.TypeEngineRegistered, 3, 20*time.Second)
	term(second)
	ended := time.Now()
	s.seen.awaitCount(t, events.TypeTaskAssigned, 12, ttl)
	t.Logf("placed again %v after SIGTERM", time.Since(ended).Round(time.Millisecond))
	s.seen.endedOnce(t, 4, 30*time.Second)
	last := s.seen.last[events.TypeTaskSucceeded].Message.(*events.TaskSucceeded)
	if last.Attempt != 2 {
		t.Errorf("ended in attempt %d; the kill costs one, SIGTERM none", last.Attempt)
	}
	s.verify()
}

// G1, G2: a scheduler dies with 20,000 tasks in flight. Another takes over
// within 10 s, running work is not disturbed, every task ends exactly once.
func TestSchedulerKilled(t *testing.T) {
	const n = 20_000
	s := newSystem(t)
	first := s.scheduler()
	var ran atomic.Int64
	gate := make(chan struct{})
	for i := range 2 {
		s.engine(engine.Config{ID: fmt.Sprint("e", i), Allocatable: map[string]int64{"slots": n / 2}}, "wait",
			func(ctx context.Context, _ *engine.Task) ([]byte, error) {
				ran.Add(1)
				select {
				case <-gate:
					return nil, nil
				case <-ctx.Done():
					return nil, context.Cause(ctx)
				}
			})
	}
	s.submit(n, func(i int) client.Task { return client.Task{ID: events.TaskID(fmt.Sprint("t", i)), Kind: "wait"} })
	s.seen.awaitCount(t, events.TypeTaskAssigned, n, 60*time.Second)
	second := s.scheduler()
	second.log.await(t, "owning", 30*time.Second)

	victim := owner(first, second)
	kill(victim)
	killed := time.Now()
	eventually(t, 20*time.Second, "another owner decides", func(ctx context.Context) bool {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := s.client.Do(ctx, client.Task{ID: "probe", Kind: "none", ScheduleTimeout: time.Millisecond})
		return err != nil && ctx.Err() == nil
	})
	if took := time.Since(killed); took > 10*time.Second {
		t.Errorf("took over after %v, want within 10s", took)
	} else {
		t.Logf("took over %v after kill -9", took.Round(time.Millisecond))
	}
	close(gate)
	s.seen.endedOnce(t, n+1, 60*time.Second)
	if got := ran.Load(); got != n {
		t.Errorf("handlers were entered %d times for %d tasks: running work was disturbed", got, n)
	}
	s.verify()
}

// G6: a scheduler sleeps through its replacement under load. What it still
// writes counts for nobody, and it rejoins cleanly.
func TestSchedulerStopped(t *testing.T) {
	const rate, seconds = 2000, 20
	s := newSystem(t)
	first := s.scheduler()
	first.log.await(t, "owning", 30*time.Second)
	s.engine(engine.Config{ID: "e", Allocatable: map[string]int64{"slots": 500}}, "noop",
		func(context.Context, *engine.Task) ([]byte, error) { return nil, nil })
	second := s.scheduler()
	second.log.await(t, "owning", 30*time.Second)

	var load sync.WaitGroup
	load.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := 0; i < rate*seconds; i += rate / 100 {
			s.submit(rate/100, func(k int) client.Task { return client.Task{ID: events.TaskID(fmt.Sprint("t", i+k)), Kind: "noop"} })
			<-tick.C
		}
	})
	s.seen.awaitCount(t, events.TypeTaskSucceeded, rate, 30*time.Second)
	victim := owner(first, second)
	stop(victim)
	wait := time.NewTimer(15 * time.Second)
	<-wait.C
	cont(victim)
	load.Wait()
	s.seen.endedOnce(t, rate*seconds, 60*time.Second)
	victim.log.await(t, "another owner claimed the log", 20*time.Second)
	r := s.verify()
	skipped := 0
	for reason, n := range r.Skipped {
		t.Logf("%d records did not count: %s", n, reason)
		skipped += int(n)
	}
	if skipped == 0 {
		t.Error("the log shows no record that did not count; the stopped scheduler wrote nothing, so this run proved nothing")
	}
}

// Everything resumes by itself after the broker was killed and came back.
func TestBrokerKilled(t *testing.T) {
	const n = 5000
	s := newSystem(t)
	s.scheduler()
	s.engine(engine.Config{ID: "e", Allocatable: map[string]int64{"slots": 100}}, "noop",
		func(context.Context, *engine.Task) ([]byte, error) { return nil, nil })
	s.submit(n, func(i int) client.Task { return client.Task{ID: events.TaskID(fmt.Sprint("a", i)), Kind: "noop"} })
	s.seen.awaitCount(t, events.TypeTaskSucceeded, n/10, 30*time.Second)
	kill(s.broker.process)
	s.broker.wait(5 * time.Second)
	s.broker.restart()
	back := time.Now()
	s.submit(n, func(i int) client.Task { return client.Task{ID: events.TaskID(fmt.Sprint("b", i)), Kind: "noop"} })
	s.seen.endedOnce(t, 2*n, 60*time.Second)
	t.Logf("%d tasks ended %v after the broker came back", 2*n, time.Since(back).Round(time.Millisecond))
	s.verify()
}
