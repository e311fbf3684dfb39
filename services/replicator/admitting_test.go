package replicator

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/admission"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

// patientLimits let nothing end by itself within a test.
var patientLimits = admission.Limits{AtOnce: 2, Turn: time.Hour, Idle: time.Hour, Deadline: time.Hour, Retries: 1}

const (
	largeRecords = 4
	largeTopics  = 8
)

// large creates a topic of several pages.
func (p *place) large(n int) {
	topic := fmt.Sprint("large.", n)
	p.create(topic, 1)
	for i := range largeRecords {
		r := events.Record{Timestamp: time.Now().UnixMilli(), Value: make([]byte, 800<<10)}
		copy(r.Value, fmt.Sprint("ams-", i))
		if _, err := p.cluster.Partition(topic, 0).Append(p.t.Context(), []events.Record{r}); err != nil {
			p.t.Fatal(err)
		}
	}
}

// taken takes both places of a replicator, until they are given back.
func taken(t *testing.T, s *Service) (give [2]func()) {
	t.Helper()
	for i, id := range []string{"x", "y"} {
		other := s.admitting.of("other", id)
		if ok, _ := other.Ask(); !ok {
			t.Fatal("the places are not free")
		}
		gone, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for tick := time.NewTicker(20 * time.Millisecond); ; {
				select {
				case <-tick.C:
					other.Limited() // It is not idle.
				case <-gone:
					tick.Stop()
					return
				}
			}
		}()
		give[i] = sync.OnceFunc(func() {
			close(gone)
			<-ended
			other.Leave()
		})
		t.Cleanup(give[i])
	}
	return give
}

// Of many large topics each has its first records copied at once; the rest of them waits,
// in line, and is copied when places are free. Small topics do not wait.
func TestSnapshotsWaitForOthers(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	fra.snapshots = &patientLimits
	s, _ := fra.serve("one")
	give := taken(t, s)
	for n := range largeTopics {
		ams.large(n)
	}
	ams.create("small", 4)
	for p := range int32(4) {
		ams.write("small", p, 0, 100)
	}
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{".*"}})
	for p := range int32(4) {
		fra.has("small", p, values("ams", 100))
	}
	seen := map[int]bool{}
	for n := range largeTopics {
		until(t, s, fmt.Sprintf("in/large.%d/0", n), "it waits in a line of all", func(st *standing) bool {
			at := st.admission
			if st.state() != waiting || at.Line != largeTopics || st.report.Next == 0 || st.report.Next == largeRecords {
				return false
			}
			seen[at.Place] = true
			return true
		})
	}
	if len(seen) != largeTopics {
		t.Errorf("they have the places %v", seen)
	}
	shares(t, s, "in", "the link waits", func(m *events.ReplicationLinkReported) bool { return m.State == waiting && m.Snapshots == largeTopics })
	give[0]()
	for n := range largeTopics {
		until(t, s, fmt.Sprintf("in/large.%d/0", n), "it is copied", func(st *standing) bool { return st.report.State == mirror.Delta && st.report.Next == largeRecords })
		fra.holds(fmt.Sprint("large.", n), 0, largeRecords)
	}
	shares(t, s, "in", "all is copied", func(m *events.ReplicationLinkReported) bool { return m.State == "delta" && m.Snapshots == 0 })
	give[1]()
	eventually(t, "nothing is held", func() bool {
		s.admitting.mu.Lock()
		defer s.admitting.mu.Unlock()
		_, due := s.admitting.core.Due()
		return !due && len(s.admitting.waits) == 0
	})
}

// A snapshot that makes no progress is given up, with the reason, until the source answers
// again, or an operator resumes its link.
func TestASnapshotThatIsGivenUp(t *testing.T) {
	for _, resumed := range []bool{false, true} {
		t.Run(fmt.Sprint("resumed ", resumed), func(t *testing.T) { givenUp(t, resumed) })
	}
}

func givenUp(t *testing.T, resumed bool) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	const idle = time.Hour // longer than the test: it passes where the test says so
	fra.snapshots = &admission.Limits{AtOnce: 2, Turn: 3 * idle, Idle: idle, Deadline: 3 * idle, Retries: 1}
	s, _ := fra.serve("one")
	ams.large(3)
	key := "in/large.3/0"
	spec := links.Spec{Name: "in", Source: "ams", Include: []string{"large.3"}}
	give := taken(t, s)
	fra.links.link(spec)
	until(t, s, key, "it waits", func(st *standing) bool { return st.state() == waiting })
	ams.restart(func() {
		for _, f := range give {
			f()
		}
		until(t, s, key, "it has a place", func(st *standing) bool { return st.admission.Phase == admission.Admitted })
		s.admitting.mu.Lock()
		s.admitting.tick(time.Now().Add(idle))
		s.admitting.mu.Unlock()
		until(t, s, key, "it is given up", func(st *standing) bool {
			return st.state() == failed && st.reason() == "snapshot_failed" && st.admission.Failures == 1
		})
		shares(t, s, "in", "its link says so", func(m *events.ReplicationLinkReported) bool { return m.State == failed && m.Failures == 1 })
		shares(t, s, "in", "its source is away", func(m *events.ReplicationLinkReported) bool {
			return slices.ContainsFunc(m.Problems, func(p *events.ReplicationProblem) bool { return p.Code == string(selection.SourceUnreachable) })
		})
		if resumed {
			fra.links.link(spec, func(l *links.Link) { l.Resumed = []links.Resumption{{Partition: -1, Revision: 9}} })
			until(t, s, key, "it is tried again", func(st *standing) bool { return st.admission.Phase != admission.Failed })
		}
	})
	until(t, s, key, "it is copied", func(st *standing) bool { return st.report.State == mirror.Delta && st.report.Next == largeRecords })
	fra.holds("large.3", 0, largeRecords)
}

func shell(t *testing.T, limits admission.Limits) *admitting {
	t.Helper()
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	a := newAdmitting(limits, slog.New(slog.DiscardHandler), m)
	t.Cleanup(a.close)
	return a
}

// awaitTurn asks until a copy is admitted.
func awaitTurn(t *testing.T, c *asker) {
	late := time.After(patience)
	for {
		ok, changed := c.Ask()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Errorf("%s is not admitted: %+v", c.id, c.all.standing(c.id))
			return
		}
	}
}

// Many that ask at once: no more are admitted than may be, and all are in the end.
func TestManyAskAtOnce(t *testing.T) {
	a := shell(t, admission.Limits{AtOnce: 3, Turn: time.Hour, Idle: time.Hour, Deadline: time.Hour, Retries: 1})
	var now, most atomic.Int32
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			c := a.of(fmt.Sprint(i%4), fmt.Sprint("copy", i))
			for range 20 {
				awaitTurn(t, c)
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				c.Progress()
				now.Add(-1)
				c.Leave()
			}
		})
	}
	all.Wait()
	if n := most.Load(); n > 3 {
		t.Errorf("%d were admitted at once", n)
	}
	if len(a.waits) > 0 {
		t.Errorf("%d are waited for", len(a.waits))
	}
}

// Nobody calls when a turn, a pause or idle time is over: the timer does.
func TestTimeAdmits(t *testing.T) {
	a := shell(t, admission.Limits{AtOnce: 1, Turn: 20 * time.Millisecond, Idle: time.Hour, Deadline: time.Hour, Retries: 1})
	first, second := a.of("a", "1"), a.of("a", "2")
	awaitTurn(t, first)
	awaitTurn(t, second)
	awaitTurn(t, first)
	idle := shell(t, admission.Limits{AtOnce: 1, Turn: time.Hour, Idle: 20 * time.Millisecond, Deadline: time.Hour, Retries: 1})
	first, second = idle.of("a", "1"), idle.of("b", "2")
	awaitTurn(t, first)
	await := func(what string, changed <-chan struct{}) {
		t.Helper()
		select {
		case <-changed:
		case <-time.After(patience):
			t.Fatal(what)
		}
	}
	// Where one is slow to go on with its place it is idle, too: that it is told must do.
	if ok, changed := second.Ask(); !ok {
		await("the place of one that is idle is not given to another", changed)
	}
	if is := idle.standing("1"); is.Phase != admission.Failed {
		t.Errorf("the one that was idle stands as %+v", is)
	}
	ok, changed := first.Ask()
	if ok {
		t.Error("what has failed is admitted")
	}
	second.Leave()
	idle.retry("b")
	idle.retry("a")
	await("what is tried again is not told", changed)
}

func TestEachReplicatorHasAPartOfThePlaces(t *testing.T) {
	for _, c := range []struct{ atOnce, partitions, want int }{{32, 32, 32}, {32, 16, 16}, {32, 0, 1}, {10, 8, 2}, {1, 1, 1}, {3, 5, 1}} {
		a := shell(t, admission.Limits{AtOnce: c.atOnce, Turn: time.Hour, Idle: time.Hour, Deadline: time.Hour, Retries: 1})
		a.share(c.partitions)
		got := 0
		for i := range 40 {
			if ok, _ := a.of("a", fmt.Sprint(i)).Ask(); ok {
				got++
			}
		}
		if got != c.want {
			t.Errorf("%d partitions have %d of %d places, want %d", c.partitions, got, c.atOnce, c.want)
		}
	}
}
