package replicator

import (
	"time"

	"github.com/spanway/spanway/services/replicator/admission"
	"github.com/spanway/spanway/services/replicator/mirror"
)

const (
	// waiting is the state of a copy whose snapshot waits for others, or to be tried again.
	waiting = "waiting"
	// failed is that of one whose snapshot is not tried again by itself, and of a link that
	// cannot be begun.
	failed = "failed"

	// placeEvery is how often the place of a copy in line is told, at most.
	placeEvery = 10 * time.Second
)

// snapshotReason says why a copy does not go on; it is stable, as mirror.Reason is.
type snapshotReason string

// snapshotFailed: its snapshot was admitted again and again, and made no progress.
const snapshotFailed snapshotReason = "snapshot_failed"

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

// reason is why the copy does not go on.
func (st *standing) reason() string {
	if st.state() == failed {
		return string(snapshotFailed)
	}
	return string(st.report.Reason)
}
