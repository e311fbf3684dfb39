package admission

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// world has snapshots of several links go on while they are admitted.
type world struct {
	*Admission
	random *rand.Rand
	now    time.Time
	work   map[string]int // what is left of each snapshot
	order  []string
	most   int
	log    strings.Builder
}

func newWorld(seed uint64, l Limits) *world {
	return &world{Admission: New(l), random: rand.New(rand.NewPCG(seed, 0)), now: began, work: map[string]int{}, most: l.AtOnce}
}

func link(id string) string { return id[:1] }

// step has some seconds pass, in which what is admitted goes on, or does not.
func (w *world) step(t *testing.T, idle func(id string) bool) {
	w.now = w.now.Add(time.Duration(w.random.IntN(3000)) * time.Millisecond)
	for _, id := range w.order {
		switch {
		case w.work[id] == 0:
			continue
		case !w.Ask(link(id), id) || idle(id):
		case w.random.IntN(20) == 0:
			w.Limited(id, w.now)
		default:
			w.Progress(id, w.now)
			if w.work[id]--; w.work[id] == 0 {
				w.Leave(id)
			}
		}
	}
	for _, e := range w.Tick(w.now) {
		fmt.Fprintln(&w.log, w.now.UnixMilli(), e)
	}
	w.check(t)
}

// check looks whether the invariants hold.
func (w *world) check(t *testing.T) {
	t.Helper()
	admitted, waiting := len(w.in[Admitted]), len(w.in[Waiting])
	if admitted > w.most {
		t.Fatalf("%d are admitted, want at most %d", admitted, w.most)
	}
	if admitted < w.most && waiting > 0 {
		t.Fatalf("%d wait, and %d of %d places are taken", waiting, admitted, w.most)
	}
	if due, ok := w.Due(); ok && !due.After(w.now) {
		t.Fatalf("behind a tick one is due at once: %v", due.Sub(w.now))
	}
	sum := 0
	for _, of := range w.in {
		sum += len(of)
	}
	if sum != len(w.all) {
		t.Fatalf("%d snapshots are in a phase, and there are %d", sum, len(w.all))
	}
	for i, s := range w.in[Waiting] {
		if is := w.Standing(s.id); is.Place != i+1 || is.Line != waiting {
			t.Fatalf("%s stands at %d and says %+v", s.id, i+1, is)
		}
	}
}

// add makes snapshots, of as many links.
func (w *world) add(n, links, work int) {
	for range n {
		id := fmt.Sprintf("%c/%d", 'a'+w.random.IntN(links), len(w.order))
		w.order, w.work[id] = append(w.order, id), 1+w.random.IntN(work)
	}
}

func (w *world) done() bool {
	for _, left := range w.work {
		if left > 0 {
			return false
		}
	}
	return true
}

// Whatever asks when: never too many are admitted, no place is free while one waits, and
// all come to their ends, also those that are idle at times, and while places come and go.
func TestAllAreAdmittedInTheEnd(t *testing.T) {
	for seed := range uint64(100) {
		w := newWorld(seed, Limits{AtOnce: 1 + int(seed%7), Turn: 10 * time.Second, Idle: 20 * time.Second, Deadline: 5 * time.Minute, Retries: 1 << 30})
		w.add(5, 4, 30)
		idle := func(id string) bool { return w.now.Sub(began) < time.Hour && w.random.IntN(10) == 0 }
		for i := 0; i < 20 || !w.done(); i++ {
			if i == 100_000 {
				t.Fatalf("seed %d: it does not end: %v", seed, w.work)
			}
			if i < 20 {
				w.add(2, 4, 30)
				w.most = 1 + w.random.IntN(8)
				w.Resize(w.most)
			}
			if i%7 == 0 && i < 200 {
				w.Leave(w.order[w.random.IntN(len(w.order))]) // It is moved away, or begun anew.
			}
			w.step(t, idle)
		}
		if len(w.all) > 0 || len(w.links) > 0 {
			t.Fatalf("seed %d: all have left, and %d are held, of %d links", seed, len(w.all), len(w.links))
		}
	}
}

// A link with hundreds of snapshots does not keep a link with few of them from its share,
// and none of its own waits for more than its part of the turns.
func TestAShareForEachLink(t *testing.T) {
	for seed := range uint64(4) {
		w := newWorld(seed, Limits{AtOnce: 6, Turn: 10 * time.Second, Idle: time.Hour, Deadline: time.Hour, Retries: 10})
		admitted := map[string]time.Time{}
		for i := range 120 {
			w.order = append(w.order, fmt.Sprintf("a/%d", i))
		}
		w.order = append(w.order, "b/1", "b/2", "b/3", "c/1")
		for _, id := range w.order {
			w.work[id] = 1 << 30
		}
		for i := range 1000 {
			w.step(t, func(id string) bool { return false })
			of := map[string]int{}
			for _, s := range w.in[Admitted] {
				admitted[s.id] = w.now
				of[s.link]++
			}
			if of["b"] < 2 || of["c"] < 1 || of["a"] < 2 {
				t.Fatalf("seed %d, step %d: the links have %v", seed, i, of)
			}
			for _, id := range w.order {
				if since := w.now.Sub(from(admitted[id])); since > 15*time.Minute {
					t.Fatalf("seed %d, step %d: %s has waited for %v", seed, i, id, since)
				}
			}
		}
	}
}

// from is a time, or when the test began.
func from(t time.Time) time.Time {
	if t.IsZero() {
		return began
	}
	return t
}

func TestTheSameCallsGiveTheSameEvents(t *testing.T) {
	run := func() string {
		w := newWorld(7, limits)
		w.add(40, 5, 40)
		for range 500 {
			w.step(t, func(string) bool { return w.random.IntN(3) == 0 })
		}
		return w.log.String()
	}
	first := run()
	for range 5 {
		if run() != first {
			t.Fatal("it has told something else")
		}
	}
	if strings.Count(first, "\n") < 100 {
		t.Errorf("it proves nothing: %s", first)
	}
}
