package replicator

import (
	"context"
	"iter"
	"maps"
	"sync"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

// holding is which link is told to copy into which target topic: what all replicators of the
// site read, and so agree about. It is safe for concurrent use.
type holding struct {
	mu    sync.Mutex
	held  map[selection.Hold]selection.Holding // nil: not known yet
	first map[selection.Hold]time.Time         // when each was read of first
}

// freshFor is how long what is read of a holding may be newer than what is known of its link
// and of its source: longer than either takes to be told of.
const freshFor = 5 * time.Second

// get is all of it, at a time; nil if it is not known yet.
func (h *holding) get(now time.Time) map[selection.Hold]selection.Holding {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held == nil {
		return nil
	}
	all := make(map[selection.Hold]selection.Holding, len(h.held))
	for hold, of := range h.held {
		of.Fresh = now.Sub(h.first[hold]) < freshFor
		all[hold] = of
	}
	return all
}

// set notes all of it: true if that is news. What is given is not changed any more.
func (h *holding) set(held map[selection.Hold]selection.Holding, now time.Time) (news bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	news = h.held == nil || !maps.Equal(h.held, held)
	first := make(map[selection.Hold]time.Time, len(held))
	for hold := range held {
		if first[hold] = now; !h.first[hold].IsZero() {
			first[hold] = h.first[hold]
		}
	}
	h.held, h.first = held, first
	return news
}

// holds are what copies are told to be of. One whose source was deleted holds nothing.
func holds(copies iter.Seq[*events.ReplicationCopyReported]) map[selection.Hold]selection.Holding {
	held := map[selection.Hold]selection.Holding{}
	for m := range copies {
		if m.State == sourceDeleted {
			continue
		}
		hold, firmness := selection.Hold{Link: m.Link, Topic: m.Topic, Target: m.TargetTopic}, selection.Firm
		if m.State == mirror.Stopped.String() && m.Reason == string(mirror.TargetNotEmpty) {
			firmness = selection.Doubtful
		}
		of, told := held[hold]
		if of.Firmness = max(of.Firmness, firmness); !told || m.Claim < of.Claim {
			of.Claim = m.Claim
		}
		held[hold] = of
	}
	return held
}

// claimed divides copies that are to run: those whose target topic is told to be their link's,
// with where that was claimed, and those of which that is to be told first. It is the order of
// the log that decides which of two links has a topic, whatever their replicators knew of each
// other: so none copies a record before it has read that it may.
func claimed(run map[string]job, held map[selection.Hold]selection.Holding) (may map[string]job, all map[string]job) {
	may, all = make(map[string]job, len(run)), make(map[string]job, len(run))
	for id, j := range run {
		j.claim = held[j.hold()].Claim
		if all[id] = j; j.claim > 0 {
			may[id] = j
		}
	}
	return may, all
}

// hold is what a copy holds.
func (j *job) hold() selection.Hold {
	return selection.Hold{Link: j.Link, Topic: j.Config.Source.Topic, Target: j.Config.Target.Topic}
}

// hold follows what is told of copies until ctx ends.
func (s *Service) hold(ctx context.Context) {
	try := s.deps.Cluster.Kafka().Board().New("follow which link copies into which topic")
	defer try.End()
	for ctx.Err() == nil {
		err := replication.WatchCopies(ctx, s.deps.Cluster, s.cfg.Prefix, func(copies iter.Seq[*events.ReplicationCopyReported]) error {
			try.Passed()
			s.status.hear(copies)
			if s.holding.set(holds(copies), time.Now()) {
				s.poke()
			}
			return nil
		})
		if ctx.Err() == nil {
			try.Again(ctx, err, time.Second)
		}
	}
}
