package replicator

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledger is what copiers did.
type ledger struct {
	mu    sync.Mutex
	lines []string
	live  map[string]int
	twice bool
}

func (l *ledger) begin(j job, _ *copying.Limiter) copier { return &noted{l, j.ID} }

type noted struct {
	ledger *ledger
	id     string
}

func (n *noted) Run(ctx context.Context) {
	n.ledger.note(n.id, 1)
	<-ctx.Done()
	n.ledger.note(n.id, -1)
}

func (l *ledger) note(id string, by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live[id] += by
	l.twice = l.twice || l.live[id] > 1
	l.lines = append(l.lines, fmt.Sprint(id, by))
}

func jobs(ids ...string) map[string]job {
	all := map[string]job{}
	for _, id := range ids {
		all[id] = job{Copy: selection.Copy{ID: id, Link: "l"}}
	}
	return all
}

// What is wanted as before goes on; a copy that begins anew ends first.
func TestCopiesAreStartedAndStoppedByDifference(t *testing.T) {
	l := &ledger{live: map[string]int{}}
	c := newCopies(l.begin, func(string) bool { return false })
	set := func(wanted map[string]job, started, stopped int) {
		t.Helper()
		if a, b := c.set(t.Context(), wanted); a != started || b != stopped {
			t.Errorf("%d started, %d stopped; want %d and %d", a, b, started, stopped)
		}
	}
	set(jobs("a", "b"), 2, 0)
	kept := c.running["a"]
	set(jobs("a", "c"), 1, 1)
	set(jobs("a", "c"), 0, 0)
	if c.running["a"] != kept {
		t.Error("a was begun anew")
	}
	again := jobs("a", "c")
	changed := again["c"]
	changed.Config.On = mirror.Policies{Overtaken: mirror.GoOn}
	again["c"] = changed
	for range 20 {
		set(again, 1, 1)
		set(jobs("a"), 0, 1)
		set(jobs("a", "c"), 1, 0)
	}
	c.stop()
	if l.twice {
		t.Errorf("one ran twice at a time: %v", l.lines)
	}
	for id, n := range l.live {
		if n != 0 {
			t.Errorf("%s runs on", id)
		}
	}
}

// A copy that is to be tried again is begun anew only if it has stopped.
func TestStoppedCopiesAreTriedAgain(t *testing.T) {
	l := &ledger{live: map[string]int{}}
	c := newCopies(l.begin, func(id string) bool { return id == "stopped" })
	c.set(t.Context(), jobs("runs", "stopped"))
	again := jobs("runs", "stopped")
	for id, j := range again {
		j.Resumed = 7
		again[id] = j
	}
	if started, stopped := c.set(t.Context(), again); started != 1 || stopped != 1 {
		t.Errorf("%d started, %d stopped", started, stopped)
	}
	if started, stopped := c.set(t.Context(), again); started != 0 || stopped != 0 {
		t.Errorf("then %d started, %d stopped", started, stopped)
	}
	c.stop()
}

func TestEachReplicatorHasAPartOfALimit(t *testing.T) {
	for _, c := range []struct{ limit, some, all, want int64 }{
		{0, 1, 2, 0}, {100, 2, 2, 100}, {100, 0, 0, 100}, {100, 1, 2, 50}, {100, 1, 3, 33}, {1, 1, 128, 1}, {1 << 40, 3, 4, 3 << 38}, {100, 0, 2, 1},
	} {
		if got := part(c.limit, c.some, c.all); got != c.want {
			t.Errorf("%d of %d copies have %d of a limit of %d, want %d", c.some, c.all, got, c.limit, c.want)
		}
	}
}
