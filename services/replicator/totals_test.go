package replicator

import (
	"testing"
	"time"

	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// What is told of a copy goes on where its copier begins anew, as when it is resumed, or its
// link was paused; incidents are told of for a day, and counted.
func TestTotalsOfACopy(t *testing.T) {
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &status{copies: map[string]*standing{"a": {}}, metrics: m}
	done := func(copied, looped, bytes int64, incidents int) {
		r := copying.Report{Counts: mirror.Counts{Copied: copied, Looped: looped}, Bytes: bytes, Incidents: make([]mirror.Incident, incidents)}
		s.reported("a", r)
	}
	done(5, 1, 50, 12)
	done(0, 0, 0, 0) // Its copier begins anew.
	done(2, 1, 20, 1)
	s.copies["a"].report.Paused = true
	s.copies["a"] = s.copies["a"].again(job{})
	done(0, 0, 0, 0)
	done(1, 0, 10, 0)
	told := s.copies["a"].message("one", time.Now())
	if c := told.Counts; c.Copied != 8 || c.Looped != 2 || c.Bytes != 80 || told.IncidentsTotal != 13 || len(told.Incidents) != mostIncidents {
		t.Errorf("%v", told)
	}
	if late := s.copies["a"].message("one", time.Now().Add(25*time.Hour)); len(late.Incidents) != 0 || late.IncidentsTotal != 13 {
		t.Errorf("a day later: %v", late)
	}
}
