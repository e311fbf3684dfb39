package replicator

import (
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// totals are what the copiers of a copy have done, one after the other: a copy that is
// resumed, or whose link is changed, begins anew and has done what it has done.
type totals struct {
	mirror.Counts
	bytes int64
}

// add adds what a copier has done.
func (t *totals) add(r *copying.Report) {
	c := &r.Counts
	t.Copied, t.Looped, t.Relayed = t.Copied+c.Copied, t.Looped+c.Looped, t.Relayed+c.Relayed
	t.Elsewhere, t.Buried, t.Swept, t.bytes = t.Elsewhere+c.Elsewhere, t.Buried+c.Buried, t.Swept+c.Swept, t.bytes+r.Bytes
}

// again is how a copy stands that runs, and is new here, for which st is nil, or was paused.
func (st *standing) again(j job) *standing {
	now := &standing{job: j, news: true}
	if st != nil {
		now.incidents, now.happened, now.before, now.topic.Ended = st.incidents, st.happened, st.before, st.topic.Ended
		now.before.add(&st.report)
	}
	return now
}
