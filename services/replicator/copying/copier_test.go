package copying

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	here  = events.ClusterPartition{Cluster: "ams", Topic: "orders", Partition: 0}
	there = events.ClusterPartition{Cluster: "fra", Topic: "orders", Partition: 0}
)

// patient bounds what a test waits for.
const patient = time.Minute

// stage is a source, a target and what a copy keeps beside them.
type stage struct {
	source, target *partition
	shelf          shelf
	box            box
	fails          func() (before, after error)
}

func newStage() *stage { return &stage{source: newPartition("s1"), target: newPartition("t1")} }

func (s *stage) config() Config {
	return Config{
		Copy: mirror.Config{Source: here, Target: there, On: mirror.Policies{Recreated: mirror.GoOn, Overtaken: mirror.GoOn, Uncopyable: mirror.GoOn}},
		ID:   "ams/orders/0/orders", Source: reader{s.source}, Target: &writer{of: s.target, fails: s.fails}, Checkpoints: &s.shelf, Letters: &s.box,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// running is a Copier that runs, and what it reported.
type running struct {
	t    *testing.T
	stop func()

	mu      sync.Mutex
	reports []Report
	changed chan struct{}
}

// start runs a Copier whose pauses are short.
func start(t *testing.T, cfg Config) *running {
	t.Helper()
	r := &running{t: t, changed: make(chan struct{})}
	cfg.Report = r.told
	c := New(cfg)
	c.every = 10 * time.Millisecond
	c.claims, c.others = pauses{first: time.Millisecond, most: 10 * time.Millisecond}, pauses{first: time.Millisecond, most: 10 * time.Millisecond}
	c.saves = pauses{first: 10 * time.Millisecond, most: time.Second}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { c.Run(ctx) })
	r.stop = func() {
		cancel()
		all.Wait()
	}
	t.Cleanup(r.stop)
	return r
}

func (r *running) told(report Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, report)
	close(r.changed)
	r.changed = make(chan struct{})
}

// since are the reports but the first n.
func (r *running) since(n int) []Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.reports[n:])
}

// until waits for a report.
func (r *running) until(what string, ok func(*Report) bool) Report {
	r.t.Helper()
	late := time.After(patient)
	for seen := 0; ; {
		r.mu.Lock()
		all, changed := r.reports, r.changed
		r.mu.Unlock()
		for ; seen < len(all); seen++ {
			if ok(&all[seen]) {
				return all[seen]
			}
		}
		select {
		case <-changed:
		case <-late:
			r.t.Fatalf("it was not reported that %s; the last: %+v", what, all[len(all)-1])
		}
	}
}

// next says that all below an offset is copied.
func next(offset int64) func(*Report) bool {
	return func(r *Report) bool { return r.State == mirror.Delta && r.Next >= offset }
}

func numbered(from, n int) []events.Record {
	all := make([]events.Record, n)
	for i := range all {
		all[i] = events.Record{Timestamp: int64(from + i), Key: []byte("k"), Value: fmt.Append(nil, from+i)}
	}
	return all
}

// compare compares what stands in the target with the source, record by record, by rules
// of its own: what is written there must be, once each and in order.
func compare(from, to events.ClusterPartition, source, target []events.Record, generation uint32) error {
	i := 0
	for j := range target {
		t := &target[j]
		p, ok := events.ProvenanceOf(t, to)
		if !ok {
			return fmt.Errorf("the record at %d of the target has no provenance", t.Offset)
		}
		if p.Generation != generation {
			continue
		}
		if i == len(source) {
			return fmt.Errorf("the record at %d of the target, of %d, is one too many", t.Offset, p.Offset)
		}
		s := &source[i]
		if p.ClusterPartition != from || p.Offset != s.Offset {
			return fmt.Errorf("the record at %d of the target is of %s, want %d", t.Offset, p.Origin, s.Offset)
		}
		if got, want := brief(t, len(t.Headers)-2), brief(s, len(s.Headers)); got != want {
			return fmt.Errorf("the record at %d of the target is\n%s\nand at %d of the source\n%s", t.Offset, got, s.Offset, want)
		}
		i++
	}
	if i < len(source) {
		return fmt.Errorf("%d records of the source are not in the target, from %d on", len(source)-i, source[i].Offset)
	}
	return nil
}

// brief is all of a record, with its first headers.
func brief(r *events.Record, headers int) string {
	return fmt.Sprintf("%d %#v %#v %#v", r.Timestamp, r.Key, r.Value, append([]events.Header{}, r.Headers[:headers]...))
}

func TestItCopies(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 1000)...)
	r := start(t, s.config())
	r.until("the snapshot is there", next(1000))
	s.source.append(numbered(1000, 10)...)
	last := r.until("the new records are there", next(1010))
	if last.ConsistentSince.IsZero() || last.LastTimestamp != 1009 || last.CopiedAt.IsZero() || last.Bytes == 0 || last.SnapshotEnd != 1000 {
		t.Errorf("it reports %+v", last)
	}
	r.stop()
	if r.reports[len(r.reports)-1].Paused != true {
		t.Error("it does not report that it was stopped")
	}
	if saved, _ := s.shelf.Saved(t.Context(), "ams/orders/0/orders"); saved == nil || saved.Next != 1010 {
		t.Errorf("the last checkpoint: %+v", saved)
	}
	if err := compare(here, there, s.source.all(), s.target.all(), 1); err != nil {
		t.Error(err)
	}
}

func TestItGoesOnAfterRestarts(t *testing.T) {
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprintf("checkpoints lost: %v", lost), func(t *testing.T) {
			s := newStage()
			for i := range 5 {
				s.source.append(numbered(300*i, 300)...)
				r := start(t, s.config())
				r.until("all is copied", next(int64(300*(i+1))))
				r.stop()
				if lost {
					s.shelf.saved = nil
				}
			}
			if err := compare(here, there, s.source.all(), s.target.all(), 1); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnknownOutcomes(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 3000)...)
	n := 0
	s.fails = func() (before, after error) {
		switch n++; n % 4 {
		case 1:
			return &kafka.UnknownOutcome{Err: errors.New("not sent")}, nil
		case 2:
			return nil, &kafka.UnknownOutcome{Err: errors.New("not heard of")}
		}
		return nil, nil
	}
	r := start(t, s.config())
	r.until("an error is told", func(r *Report) bool { return strings.Contains(r.LastError, "not heard of") })
	r.until("all is copied", func(r *Report) bool { return next(3000)(r) && r.LastError == "" })
	if err := compare(here, there, s.source.all(), s.target.all(), 1); err != nil {
		t.Error(err)
	}
}

// A Copier that was replaced claims again, for it is told to run; what both copied stands once.
func TestTwoAtOnce(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 5000)...)
	first, second := start(t, s.config()), start(t, s.config())
	first.until("all is copied", next(5000))
	second.until("all is copied", next(5000))
	if err := compare(here, there, s.source.all(), s.target.all(), 1); err != nil {
		t.Error(err)
	}
}

func TestASourceThatWasCreatedAgain(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 200)...)
	r := start(t, s.config())
	r.until("all is copied", next(200))
	s.source.recreate("s2", numbered(10_000, 500)...)
	last := r.until("the new generation is there", func(r *Report) bool { return next(500)(r) && r.Generation == 2 })
	told := r.until("the incident is told", func(r *Report) bool { return len(r.Incidents) > 0 })
	if told.Incidents[0].Reason != mirror.SourceChanged || last.Counts.Copied != 700 {
		t.Errorf("%+v, %+v", told.Incidents, last.Counts)
	}
	if err := compare(here, there, s.source.all(), s.target.all(), 2); err != nil {
		t.Error(err)
	}
}

// A new leader of the source that tells of less than was read has not lost it: that is waited
// for, and nothing is copied twice.
func TestANewLeaderTellsOfLess(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 200)...)
	r := start(t, s.config())
	r.until("all is copied", next(200))
	s.source.moves(2)
	r.until("it is told what is waited for", func(r *Report) bool { return strings.Contains(r.LastError, "its leader is new") })
	s.source.moves(0)
	s.source.append(numbered(200, 10)...)
	last := r.until("it goes on", func(r *Report) bool { return next(210)(r) && r.LastError == "" })
	if last.Generation != 1 || last.Counts.Copied != 210 || len(last.Incidents) != 0 {
		t.Errorf("%+v", last)
	}
	if err := compare(here, there, s.source.all(), s.target.all(), 1); err != nil {
		t.Error(err)
	}
}

func TestARecordThatTheTargetRefuses(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 50)...)
	s.source.append(events.Record{Value: make([]byte, 2000)})
	s.source.append(numbered(50, 50)...)
	r := start(t, s.config())
	last := r.until("all is copied", next(101))
	if last.Counts.Buried != 1 || !slices.Equal(s.box.held, []string{"50 uncopyable"}) {
		t.Errorf("%+v, letters %q", last.Counts, s.box.held)
	}
	want := slices.DeleteFunc(s.source.all(), func(r events.Record) bool { return r.Offset == 50 })
	if err := compare(here, there, want, s.target.all(), 1); err != nil {
		t.Error(err)
	}
}

// A copy that has stopped lacks something, and is not consistent any more.
func TestACopyThatStopsIsNotConsistent(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 10)...)
	r := start(t, s.config())
	r.until("it is consistent", func(r *Report) bool { return next(10)(r) && !r.ConsistentSince.IsZero() })
	s.target.append(events.Record{Value: []byte("foreign")})
	s.source.append(numbered(10, 1)...)
	r.until("it has stopped", func(r *Report) bool { return r.State == mirror.Stopped && r.ConsistentSince.IsZero() })
}

// A copy that stops in the first page that it reads says where.
func TestACopyThatStopsAtOnceSaysWhere(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 3)...)
	s.source.append(events.Record{Value: []byte("lost"), Headers: []events.Header{{Key: "sites", Value: []byte("nowhere")}}})
	s.source.append(numbered(3, 2)...)
	cfg := s.config()
	cfg.Copy.On.Uncopyable = mirror.Stop
	cfg.Copy.Routed = &mirror.Routing{Header: "sites", Site: "fra", Allowed: []string{"fra"}, Unrouted: true, Unknown: mirror.Stop}
	r := start(t, cfg)
	if last := r.until("it has stopped", func(r *Report) bool { return r.State == mirror.Stopped }); last.Next != 3 || last.Behind() != 3 {
		t.Errorf("%+v", last)
	}
}

func TestACopyThatStops(t *testing.T) {
	s := newStage()
	s.target.append(numbered(0, 1)...)
	r := start(t, s.config())
	last := r.until("it has stopped", func(r *Report) bool { return r.State == mirror.Stopped })
	if last.Reason != mirror.TargetNotEmpty || len(last.Incidents) != 1 || last.LastError != "" {
		t.Errorf("%+v", last)
	}
}
