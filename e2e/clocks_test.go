//go:build clocks

package e2e_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/clockshift"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// Clocks of engines and schedulers jump, both ways, while a task of 25 s runs. No lease
// ends by that, and what is killed comes back at once with a clock that is a day behind.
// It runs with the tag clocks only (make e2e-clocks), since it compiles all of Go anew.
func TestClocksJump(t *testing.T) {
	t.Parallel()
	s := newSystem(t, onKfake)
	s.binary = filepath.Join(t.TempDir(), "spanway")
	if err := clockshift.Build(t.Context(), s.binary, "../cmd/spanway"); err != nil {
		t.Fatal(err)
	}
	const ttl = 10 * time.Second
	engineClock, schedulerClock := newClock(t), newClock(t)
	scheduler := func() *process {
		return s.serve("scheduler", []string{schedulerClock.Env()}, "--engine-ttl", ttl.String())
	}
	engine := func() *process {
		return s.serve("engine", []string{engineClock.Env()}, "--id", "jumper", "--allow", "sleep", "--engine-ttl", ttl.String())
	}
	first, victim := scheduler(), engine()
	s.seen.awaitCount(t, events.TypeEngineRegistered, 1, time.Minute)
	s.submit(1, func(int) client.Task {
		return client.Task{ID: "long", Kind: "exec", Payload: []byte(`{"command":["sleep","25"]}`)}
	})
	s.seen.awaitCount(t, events.TypeTaskStarted, 1, time.Minute)
	for _, c := range []*clockshift.Clock{engineClock, schedulerClock} {
		for _, offset := range []time.Duration{time.Minute, -time.Minute} {
			hold(t, c, offset, 3*time.Second)
		}
	}
	s.seen.awaitCount(t, events.TypeTaskSucceeded, 1, time.Minute)
	s.nothingLost("clocks jumped", 1)

	kill(victim)
	set(t, engineClock, -24*time.Hour)
	engine()
	s.seen.awaitCount(t, events.TypeEngineRegistered, 2, time.Minute)
	s.nothingLost("the engine was killed and its clock is a day behind", 2)

	kill(first)
	set(t, schedulerClock, -24*time.Hour)
	scheduler()
	s.submit(5, func(i int) client.Task {
		return client.Task{ID: events.TaskID(fmt.Sprint("after", i)), Kind: "exec", Payload: []byte(`{"command":["sleep","1"]}`)}
	})
	s.seen.awaitCount(t, events.TypeTaskSucceeded, 6, 2*time.Minute)
	s.nothingLost("the scheduler was killed and its clock is a day behind", 2)
	s.seen.endedOnce(t, 6, time.Minute)
	s.verify()
}

func newClock(t *testing.T) *clockshift.Clock {
	t.Helper()
	c, err := clockshift.New(filepath.Join(t.TempDir(), "clock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func set(t *testing.T, c *clockshift.Clock, offset time.Duration) {
	t.Helper()
	if err := c.Set(offset); err != nil {
		t.Fatal(err)
	}
}

// hold has a clock wrong for a while.
func hold(t *testing.T, c *clockshift.Clock, offset, during time.Duration) {
	t.Helper()
	set(t, c, offset)
	<-time.After(during)
	set(t, c, 0)
}

// nothingLost: engines registered so many times, no lease ended otherwise, and no task
// is dead.
func (s *system) nothingLost(after string, registered int) {
	s.t.Helper()
	for typ, want := range map[events.Type]int{
		events.TypeEngineLost: 0, events.TypeEngineRegistrationRefused: 0, events.TypeTaskDeadLettered: 0,
		events.TypeEngineRegistered: registered,
	} {
		if n := s.seen.count(typ); n != want {
			s.t.Errorf("after %s there are %d of %s, want %d", after, n, typ, want)
		}
	}
	if attempt := s.seen.attemptOf("long"); attempt != 1 {
		s.t.Errorf("after %s the long task succeeded in attempt %d, want 1", after, attempt)
	}
}
