package admission

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var began = time.Unix(1_000_000, 0)

var limits = Limits{AtOnce: 2, Turn: 10 * time.Second, Idle: time.Minute, Deadline: time.Hour, Retries: 3}

// script is an Admission whose clock is moved by hand.
type script struct {
	*Admission
	t   *testing.T
	now time.Time
}

func begin(t *testing.T, l Limits) *script { return &script{New(l), t, began} }

// ask has snapshots ask, which are called LINK/NAME.
func (s *script) ask(ids ...string) {
	for _, id := range ids {
		s.Ask(id[:strings.Index(id, "/")], id)
	}
}

var names = [phases]string{"none", "waiting", "admitted", "pausing", "failed"}

// tick moves the clock on and fails unless that leads to the events that are wanted.
func (s *script) tick(after time.Duration, want ...string) {
	s.t.Helper()
	s.now = s.now.Add(after)
	var got []string
	for _, e := range s.Tick(s.now) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.ID, names[e.Phase], e.Why)))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("after %v: %q, want %q", s.now.Sub(began), got, want)
	}
}

// due fails unless Tick is needed after so long.
func (s *script) due(want time.Duration) {
	s.t.Helper()
	due, ok := s.Due()
	if !ok || due.Sub(s.now) != want {
		s.t.Errorf("after %v: due in %v (%v), want %v", s.now.Sub(began), due.Sub(s.now), ok, want)
	}
}

func (s *script) stands(id string, want Standing) {
	s.t.Helper()
	if got := s.Standing(id); got != want {
		s.t.Errorf("after %v: %s stands as %+v, want %+v", s.now.Sub(began), id, got, want)
	}
}

func TestTheOldestAskerIsNext(t *testing.T) {
	s := begin(t, limits)
	if _, ok := s.Due(); ok {
		t.Error("something is due, and nothing has asked")
	}
	s.ask("a/1", "a/2", "a/3", "a/4")
	s.ask("a/1") // It has asked.
	s.tick(0, "a/1 admitted", "a/2 admitted")
	if !s.Ask("a", "a/1") || s.Ask("a", "a/4") {
		t.Error("it is not told who is admitted")
	}
	s.stands("a/1", Standing{Phase: Admitted})
	s.stands("a/4", Standing{Phase: Waiting, Place: 2, Line: 2})
	s.stands("a/5", Standing{})
	s.Leave("a/2")
	s.Leave("a/5")
	s.tick(time.Second, "a/3 admitted")
	s.stands("a/4", Standing{Phase: Waiting, Place: 1, Line: 1})
}

func TestATurnEndsIfOthersWait(t *testing.T) {
	s := begin(t, limits)
	s.ask("a/1", "a/2")
	s.tick(0, "a/1 admitted", "a/2 admitted")
	s.due(time.Minute) // Idle.
	s.tick(30 * time.Second)
	s.ask("a/3")
	s.tick(0, "a/1 waiting", "a/3 admitted")
	s.tick(0) // As many as wait.
	s.due(10 * time.Second)
	s.tick(9 * time.Second)
	s.tick(time.Second, "a/3 waiting", "a/1 admitted")
	s.Leave("a/3")
	s.tick(time.Second)
	s.due(19 * time.Second) // What a/2 was idle for in its first turns counts.
}

func TestLinksShareThePlaces(t *testing.T) {
	l := limits
	l.AtOnce = 4
	s := begin(t, l)
	s.ask("a/1", "a/2", "a/3", "a/4", "a/5", "a/6")
	s.tick(0, "a/1 admitted", "a/2 admitted", "a/3 admitted", "a/4 admitted")
	s.ask("b/1", "b/2", "b/3")
	s.Leave("a/1")
	s.tick(0, "b/1 admitted")
	s.Leave("a/2")
	s.tick(0, "b/2 admitted")
	s.Leave("a/3")
	s.tick(0, "a/5 admitted")
	// All turns are over at once: each link has two places again.
	s.tick(10*time.Second, "a/4 waiting", "a/6 admitted", "b/1 waiting", "b/3 admitted")
	s.Leave("b/1")
	s.Leave("b/2")
	s.Leave("b/3")
	s.tick(0, "a/4 admitted") // Of what one link does not need the other has more.
}

// A link that has no other snapshot in line keeps its share.
func TestWhoIsNextMayBeWhoYields(t *testing.T) {
	s := begin(t, limits)
	s.ask("b/1", "a/1", "a/2")
	s.tick(0, "b/1 admitted", "a/1 admitted")
	s.tick(10*time.Second, "a/1 waiting", "a/2 admitted")
	s.due(10 * time.Second)
	s.stands("b/1", Standing{Phase: Admitted})
}

func TestIdleSnapshotsFail(t *testing.T) {
	s := begin(t, limits)
	s.ask("a/1", "a/2", "a/3")
	s.tick(0, "a/1 admitted", "a/2 admitted")
	s.Leave("a/3")
	for range 5 {
		s.now = s.now.Add(30 * time.Second)
		s.Progress("a/2", s.now)
		s.Limited("a/1", s.now) // It is held up on purpose.
		s.tick(0)
	}
	s.tick(40 * time.Second)
	s.Progress("a/2", s.now)
	s.due(20 * time.Second)
	s.tick(20*time.Second, "a/1 pausing idle")
	s.stands("a/1", Standing{Phase: Pausing, Failures: 1, Again: s.now.Add(5 * time.Second)})
	s.due(5 * time.Second)
	s.tick(4 * time.Second)
	s.tick(time.Second, "a/1 waiting", "a/1 admitted")
	s.stands("a/1", Standing{Phase: Admitted, Failures: 1})
	s.Leave("a/2")
	s.tick(time.Minute, "a/1 pausing idle")
	s.due(10 * time.Second)
	s.tick(10*time.Second, "a/1 waiting", "a/1 admitted")
	s.Progress("a/1", s.now) // It ends the row.
	s.tick(time.Minute, "a/1 pausing idle")
	s.tick(5*time.Second, "a/1 waiting", "a/1 admitted")
	s.tick(time.Minute, "a/1 pausing idle")
	s.tick(10*time.Second, "a/1 waiting", "a/1 admitted")
	s.tick(time.Minute, "a/1 failed idle")
	s.stands("a/1", Standing{Phase: Failed, Failures: 3})
	if s.tick(24 * time.Hour); s.Ask("a", "a/1") {
		t.Error("one that has failed is admitted")
	}
}

func TestWhatHasFailedIsTriedAgain(t *testing.T) {
	l := limits
	l.AtOnce, l.Retries = 4, 2
	fail := func() *script {
		s := begin(t, l)
		s.ask("a/1", "b/1")
		s.tick(0, "a/1 admitted", "b/1 admitted")
		s.tick(time.Minute, "a/1 pausing idle", "b/1 pausing idle")
		s.ask("a/2")
		s.tick(5*time.Second, "a/1 waiting", "b/1 waiting", "a/2 admitted", "a/1 admitted", "b/1 admitted")
		s.tick(time.Minute, "a/2 pausing idle", "a/1 failed idle", "b/1 failed idle")
		return s
	}
	s := fail()
	s.Retry("a")
	s.tick(0, "a/2 admitted", "a/1 admitted")
	s.stands("a/1", Standing{Phase: Admitted})
	s.stands("b/1", Standing{Phase: Failed, Failures: 2})
	s = fail()
	s.Progress("b/1", s.now) // It had a page in hand.
	s.tick(0, "b/1 admitted")
	s = fail()
	s.Leave("a/1") // It is resumed: its copy begins anew.
	s.ask("a/1")
	s.tick(0, "a/1 admitted")
	s.stands("a/1", Standing{Phase: Admitted})
}

// The deadline counts only while a snapshot is admitted, over all its turns.
func TestADeadline(t *testing.T) {
	l := limits
	l.AtOnce, l.Deadline = 1, 25*time.Second
	s := begin(t, l)
	s.ask("a/1", "a/2")
	s.tick(0, "a/1 admitted")
	s.tick(10*time.Second, "a/1 waiting", "a/2 admitted")
	s.tick(10*time.Second, "a/2 waiting", "a/1 admitted")
	s.tick(10*time.Second, "a/1 waiting", "a/2 admitted")
	s.tick(10*time.Second, "a/2 waiting", "a/1 admitted")
	s.Progress("a/1", s.now)
	s.due(5 * time.Second)
	s.tick(5*time.Second, "a/1 pausing overdue", "a/2 admitted")
	s.tick(5*time.Second, "a/1 waiting", "a/2 pausing overdue", "a/1 admitted")
	s.Leave("a/2")
	s.tick(24 * time.Second)
	s.due(time.Second) // It has all of its time anew.
}

func TestPauses(t *testing.T) {
	var got []string
	for n := 1; n <= 9; n++ {
		got = append(got, pause(n).String())
	}
	if want := "5s 10s 20s 40s 1m20s 2m40s 5m0s 5m0s 5m0s"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFewerPlaces(t *testing.T) {
	l := limits
	l.AtOnce = 3
	s := begin(t, l)
	s.ask("a/1", "a/2", "a/3", "a/4")
	s.tick(0, "a/1 admitted", "a/2 admitted", "a/3 admitted")
	s.Resize(0) // There is one always.
	s.tick(0, "a/1 waiting", "a/2 waiting")
	s.Resize(2)
	s.tick(0, "a/4 admitted")
	s.stands("a/1", Standing{Phase: Waiting, Place: 1, Line: 2})
}
