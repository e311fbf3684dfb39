package replicator

import (
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/admission"
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

func TestStatesOfSnapshots(t *testing.T) {
	again := time.UnixMilli(1_000_000)
	for _, c := range []struct {
		name          string
		state         mirror.State
		admission     admission.Standing
		want, because string
		waits         int32
	}{
		{"it has not asked", mirror.Snapshot, admission.Standing{}, "snapshot", "", 0},
		{"it is admitted", mirror.Snapshot, admission.Standing{Phase: admission.Admitted, Failures: 1}, "snapshot", "", 0},
		{"it waits", mirror.Snapshot, admission.Standing{Phase: admission.Waiting, Place: 3, Line: 17}, "waiting", "", 1},
		{"it pauses", mirror.Snapshot, admission.Standing{Phase: admission.Pausing, Failures: 2, Again: again}, "waiting", "", 1},
		{"it has failed", mirror.Snapshot, admission.Standing{Phase: admission.Failed, Failures: 10}, "failed", "snapshot_failed", 0},
		{"it waits, and finds out where to go on", mirror.Claiming, admission.Standing{Phase: admission.Waiting, Place: 1, Line: 1}, "claiming", "", 0},
		{"it has failed, and finds out where to go on", mirror.Claiming, admission.Standing{Phase: admission.Failed, Failures: 10}, "failed", "snapshot_failed", 0},
		{"it has stopped", mirror.Stopped, admission.Standing{}, "stopped", "overtaken", 0},
	} {
		st := &standing{admission: c.admission, report: copying.Report{State: c.state}}
		if c.state == mirror.Stopped {
			st.report.Reason = mirror.Overtaken
		}
		m := st.message("one", again)
		if m.State != c.want || m.Reason != c.because || int(m.Place) != c.admission.Place || int(m.Line) != c.admission.Line || int(m.Failures) != c.admission.Failures {
			t.Errorf("%s: it tells %v", c.name, m)
		}
		if (m.AgainAtMs == again.UnixMilli()) != (c.admission.Phase == admission.Pausing) {
			t.Errorf("%s: again at %d", c.name, m.AgainAtMs)
		}
		share := &events.ReplicationLinkReported{State: "idle"}
		worst := &ill{}
		st.add(share, worst, again)
		worst.settle(share)
		if share.State != c.want || share.Waiting != c.waits || int(share.Failures) != c.admission.Failures {
			t.Errorf("%s: its link tells %v", c.name, share)
		}
	}
}

// A link whose source has not answered yet, and then counts as away, is idle at no time: what
// it is told to be may be read in between.
func TestALinkIsNotIdleBeforeItsSourceIsAway(t *testing.T) {
	s := &status{name: "one", shares: map[string]*share{}, copies: map[string]*standing{}, gone: map[string]bool{}}
	link := links.Link{Spec: links.Spec{Name: "in"}}
	met := []trials{
		{joining: map[string]bool{"in": true}},
		{problems: []selection.Problem{{Link: "in", Code: selection.SourceUnreachable, Stops: true}}},
	}
	want := func(i int) {
		s.wanted([]links.Link{link}, nil, nil, met[i%len(met)], &selection.Selection{}, nil)
	}
	want(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 20_000 {
			want(i)
		}
	}()
	for !closed(done) {
		s.mu.Lock()
		m := s.shareOf(&link, time.Now())
		s.mu.Unlock()
		if m.State != connectingTo && m.State != failed {
			t.Errorf("it is %s", m.State)
			break
		}
	}
	<-done
}

// The state of a share is that of its copies that go on; those that do not are counted, with why
// the worst of them does not.
func TestAShareOfWhichNotAllGoesOn(t *testing.T) {
	delta := &standing{report: copying.Report{State: mirror.Delta}}
	snapshot := &standing{report: copying.Report{State: mirror.Snapshot}}
	stopped := &standing{report: copying.Report{State: mirror.Stopped, Reason: mirror.Overtaken}}
	gave := &standing{report: copying.Report{State: mirror.Snapshot}, admission: admission.Standing{Phase: admission.Failed}}
	refused := &standing{report: copying.Report{State: mirror.Claiming, FenceRefused: true}}
	for name, c := range map[string]struct {
		copies          []*standing
		state, reason   string
		stopped, failed int32
	}{
		"all go on":               {[]*standing{delta, snapshot}, "snapshot", "", 0, 0},
		"one has stopped":         {[]*standing{delta, stopped, delta}, "delta", "overtaken", 1, 0},
		"one has failed":          {[]*standing{gave, delta}, "delta", "snapshot_failed", 0, 1},
		"one may not be written":  {[]*standing{refused, delta}, "delta", "fence_refused", 0, 1},
		"none goes on":            {[]*standing{gave, stopped, refused}, "stopped", "overtaken", 1, 2},
		"the only one was failed": {[]*standing{refused}, "failed", "fence_refused", 0, 1},
	} {
		m, worst := &events.ReplicationLinkReported{State: "idle"}, &ill{}
		for _, st := range c.copies {
			st.add(m, worst, time.UnixMilli(0))
		}
		worst.settle(m)
		if m.State != c.state || m.Reason != c.reason || m.Stopped != c.stopped || m.Failed != c.failed {
			t.Errorf("%s: it tells %v", name, m)
		}
	}
}

// A new phase and a failure are told at once, a place in line at times.
func TestWhenTheAdmissionIsNews(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	at := func(place, line, failures int) admission.Standing {
		return admission.Standing{Phase: admission.Waiting, Place: place, Line: line, Failures: failures}
	}
	st := &standing{}
	for i, c := range []struct {
		after time.Duration
		is    admission.Standing
		news  bool
	}{
		{0, admission.Standing{}, false},
		{0, at(3, 3, 0), true},
		{time.Second, at(2, 3, 0), false},
		{time.Second, at(2, 3, 1), true},
		{time.Second, at(1, 3, 1), false},
		{9 * time.Second, at(1, 3, 1), true},
		{time.Hour, at(1, 3, 1), false},
		{time.Second, admission.Standing{Phase: admission.Admitted, Failures: 1}, true},
	} {
		now = now.Add(c.after)
		st.news = false
		if st.admit(c.is, now); st.news != c.news || st.admission != c.is {
			t.Errorf("%d: %+v is news: %v", i, c.is, st.news)
		}
	}
}
