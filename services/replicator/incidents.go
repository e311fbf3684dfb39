package replicator

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// incidentsLast is for how long an incident is told of; the log of the replicator has it.
const incidentsLast = 24 * time.Hour

// recent are incidents that are not old.
func recent(all []*events.ReplicationIncident, now time.Time) []*events.ReplicationIncident {
	for len(all) > 0 && now.UnixMilli()-all[0].AtMs > incidentsLast.Milliseconds() {
		all = all[1:]
	}
	return all
}

// mostIncidents are told of a copy, the newest.
const mostIncidents = 10

// hear takes what is told of copies in the log of the status. The incidents of a copy outlive
// the replicator that met them: whoever has the copy tells of them, and counts them.
func (s *status) hear(copies iter.Seq[*events.ReplicationCopyReported]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = map[string]*events.ReplicationCopyReported{}
	for m := range copies {
		if m.IncidentsTotal > 0 || len(m.Incidents) > 0 || m.SourceId != "" {
			s.heard[copyKey(m.Link, m.TargetTopic, m.Partition)] = m
		}
	}
	if len(s.heard) == 0 {
		return
	}
	for _, st := range s.copies {
		st.inherit(s.heard[st.key()])
	}
}

// inherit adds the incidents that were told of the copy and that it does not know: its last
// replicator has met them, and may tell of them after this one has begun.
func (st *standing) inherit(m *events.ReplicationCopyReported) {
	if m == nil || m.Topic != st.Config.Source.Topic {
		return
	}
	st.topic.inherit(m)
	all := slices.Clone(st.incidents)
	for _, i := range m.Incidents {
		if !slices.ContainsFunc(all, func(known *events.ReplicationIncident) bool {
			return known.Reason == i.Reason && known.Offset == i.Offset && known.Lost == i.Lost && known.AtMs == i.AtMs
		}) {
			all = append(all, i)
		}
	}
	more := len(all) - len(st.incidents)
	slices.SortStableFunc(all, func(a, b *events.ReplicationIncident) int { return cmp.Compare(a.AtMs, b.AtMs) })
	all = all[max(0, len(all)-mostIncidents):]
	happened := max(st.happened, m.IncidentsTotal, int64(more))
	st.news = st.news || happened != st.happened || !slices.Equal(all, st.incidents)
	st.incidents, st.happened = all, happened
}
