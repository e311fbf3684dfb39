package copying

import (
	"time"

	"github.com/spanway/spanway/services/replicator/mirror"
)

// Report is how a copy stands.
type Report struct {
	// State is what it does; Reason why it has stopped, if it has.
	State  mirror.State
	Reason mirror.Reason
	// Paused says that its Copier does not run: it was stopped.
	Paused bool
	// Next is the offset of the source that comes next, of [SourceStart, SourceEnd). The
	// snapshot ends at SnapshotEnd.
	Next, SourceStart, SourceEnd, SnapshotEnd int64
	// SourceID is the ID of the topic that SourceEnd is of; empty if the cluster does not tell.
	SourceID string
	// Generation is that of package mirror; 0 while it is not known.
	Generation uint32
	// ConsistentSince is since when the target has had all that the source had when the
	// generation began, as far as this Copier knows; zero before.
	ConsistentSince time.Time
	// Counts and Bytes (of records, uncompressed) are what this Copier has done.
	Counts mirror.Counts
	Bytes  int64
	// SeenAt is when SourceEnd was seen; zero before.
	SeenAt time.Time
	// Oldest is the timestamp of the record that comes next, in milliseconds since the Unix
	// epoch; 0 if none waits, or it is not read.
	Oldest int64
	// LastTimestamp is that of the newest record that was copied, in milliseconds since the
	// Unix epoch, and CopiedAt when that came to stand in the target; zero before.
	LastTimestamp int64
	CopiedAt      time.Time
	// LastError is what was in the way last; empty if it went on since.
	LastError string
	// FenceRefused says that rights do not let the target be claimed: LastError names what is
	// missing.
	FenceRefused bool
	// Incidents are those that came since the report before.
	Incidents []mirror.Incident
	// Since is when the State began.
	Since time.Time
}

// Behind is how many offsets of the source are yet to be decided.
func (r *Report) Behind() int64 { return max(0, r.SourceEnd-r.Next) }

// NearRetention says that the source may soon delete what is yet to be copied: the copy had
// all that there was, has fallen behind since, and what comes next stands in the older half
// of what the source, which does delete records, still has. A snapshot begins there, and
// is not near for that.
func (r *Report) NearRetention() bool {
	return !r.Paused && r.State == mirror.Delta && r.SourceStart > 0 && r.Behind() > 0 &&
		r.Next-r.SourceStart < (r.SourceEnd-r.SourceStart)/2
}
