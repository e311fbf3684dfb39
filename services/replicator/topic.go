package replicator

import (
	"slices"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// topic is what is known of the topic that a copy copies: what of it is not copied yet is lost
// when it is deleted.
type topic struct {
	mirror.Ended
	gone bool // the source has another one of that name, or this one has lost its end
}

// reported notes where the topic ends, by a report of its copy.
func (t *topic) reported(r *copying.Report) {
	switch {
	case changed(r.Incidents):
		t.Told, t.gone = true, true
	case r.SeenAt.IsZero():
	case r.State == mirror.Stopped && r.Reason == mirror.SourceChanged:
	case r.State >= mirror.Beginning && r.State != mirror.Stopped || r.State == mirror.Stopped && !t.gone && t.ID == r.SourceID:
		t.Ended, t.gone = mirror.Ended{ID: r.SourceID, End: r.SourceEnd}, false
	}
}

// saved notes which topic a checkpoint is of.
func (t *topic) saved(c *mirror.Checkpoint) {
	if c.SourceID != "" && t.ID != c.SourceID {
		*t = topic{Ended: mirror.Ended{ID: c.SourceID, End: -1}}
	}
}

// seen notes that the source has a topic with an ID, which ends there; the ID is empty if it is
// not known.
func (t *topic) seen(id string, end int64) {
	switch {
	case id == "" || t.ID == "" || t.gone && t.Told:
	case id != t.ID:
		t.gone = true
	default:
		t.End, t.gone = max(t.End, end), false
	}
}

// id is the ID that is told with where the topic ends; empty if that is not known.
func (t *topic) id() string {
	if t.End < 0 {
		return ""
	}
	return t.ID
}

// changed tells whether the source was found to have changed.
func changed(all []mirror.Incident) bool {
	return slices.ContainsFunc(all, func(i mirror.Incident) bool { return i.Reason == mirror.SourceChanged })
}

// inherit takes over what was told of the topic before this process had its copy.
func (t *topic) inherit(m *events.ReplicationCopyReported) {
	if t.ID != "" || m.SourceId == "" {
		return
	}
	t.Ended = mirror.Ended{ID: m.SourceId, End: max(m.SourceEnd, m.Next)}
	if n := len(m.Incidents); n > 0 && m.Reason == string(mirror.SourceChanged) {
		t.Told = m.Incidents[n-1].Reason == m.Reason
	}
}

// topicOf is what is known of the topic of a copy that begins.
func (s *status) topicOf(j *job) (of topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.copies[j.ID]; st != nil && st.key() == j.key() {
		of = st.topic
	}
	if m := s.heard[j.key()]; m != nil && m.Topic == j.Config.Source.Topic {
		of.inherit(m)
	}
	return of
}
