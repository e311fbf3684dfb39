package link

import (
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// running returns what tells of copies of a link whether a replicator has them: one that
// reports, and has copies of the link. One that is kept, for its source was deleted, needs none.
func running(link string, status *replication.Status, now int64) func(*events.ReplicationCopyReported) bool {
	by := map[string]bool{}
	for _, m := range status.Shares {
		if m.Link == link && m.Copies > 0 && now-m.AtMs <= fresh.Milliseconds() {
			by[m.Replicator] = true
		}
	}
	return func(m *events.ReplicationCopyReported) bool { return m.State == sourceDeleted || by[m.Replicator] }
}

// left is how many copies of a link are told of that no replicator has.
func left(link string, status *replication.Status, now int64) (n int32) {
	runs := running(link, status, now)
	for _, m := range status.Copies {
		if m.Link == link && !runs(m) {
			n++
		}
	}
	return n
}

// leave says of a copy that no replicator has it: what was told of it is of the past.
func (v *copyView) leave() {
	v.State, v.Reason, v.Lag, v.ConsistentSince = unattended, "", nil, ""
	v.Place, v.Line, v.Failures, v.AgainAt = 0, 0, 0, ""
	v.Remedy = "no replicator has it now: look at the state and the problems of the link; if it has none, whether replicators run"
}
