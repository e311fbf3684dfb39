package replicator

import (
	"cmp"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/admission"
	"github.com/spanway/spanway/services/replicator/mirror"
)

const (
	// waiting is the state of a copy whose snapshot waits for others, or to be tried again.
	waiting = "waiting"
	// failed is that of one whose snapshot is not tried again by itself, and of a link that
	// cannot be begun.
	failed = "failed"
	// connectingTo is the state of a link whose source has not answered yet.
	connectingTo = "connecting"

	// placeEvery is how often the place of a copy in line is told, at most.
	placeEvery = 10 * time.Second
)

// snapshotFailed: the snapshot of a copy was admitted again and again, and made no progress.
const snapshotFailed mirror.Reason = "snapshot_failed"

// admit notes how the snapshot of a copy stands.
func (st *standing) admit(now admission.Standing, at time.Time) {
	told := &st.admissionTold
	moved := (now.Place != told.Place || now.Line != told.Line) && at.Sub(st.placed) >= placeEvery
	st.admission, st.news = now, st.news || now.Phase != told.Phase || now.Failures != told.Failures || moved
	if st.news {
		*told, st.placed = now, at
	}
}

// state is what the copy does, in a word.
func (st *standing) state() string {
	is := st.report.State
	switch {
	case st.report.Paused:
		return "paused"
	case st.admission.Phase == admission.Failed && is != mirror.Stopped:
		return failed
	case (st.admission.Phase == admission.Waiting || st.admission.Phase == admission.Pausing) && is == mirror.Snapshot:
		return waiting
	}
	return is.String()
}

// severity orders states: the worst of several is that of all.
var severity = map[string]int{
	"idle": 0, connectingTo: 0, "delta": 1, "paused": 2, mirror.Sweeping.String(): 2, waiting: 3, mirror.Snapshot.String(): 4, mirror.Beginning.String(): 5,
	mirror.Proving.String(): 5, mirror.Resuming.String(): 5, mirror.Claiming.String(): 6, failed: 7, mirror.Stopped.String(): 8,
}

// wait adds how its snapshot waits to the share of its link.
func (st *standing) wait(m *events.ReplicationLinkReported) {
	if st.state() == waiting {
		m.Waiting++
	}
	m.Failures = max(m.Failures, int32(st.admission.Failures))
}

// reason is why the copy does not go on.
func (st *standing) reason() string {
	if st.state() == failed {
		return string(snapshotFailed)
	}
	return string(cmp.Or(st.report.Reason, st.lost()))
}
