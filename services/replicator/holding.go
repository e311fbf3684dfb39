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
	mu   sync.Mutex
	held map[selection.Hold]selection.Firmness // nil: not known yet
}

// get is all of it; nil if it is not known yet.
func (h *holding) get() map[selection.Hold]selection.Firmness {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.held
}

// set notes all of it: true if that is news. What is given is not changed any more.
func (h *holding) set(held map[selection.Hold]selection.Firmness) (news bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	news = h.held == nil || !maps.Equal(h.held, held)
	h.held = held
	return news
}

// holds are what copies are told to be of. One whose source was deleted holds nothing.
func holds(copies iter.Seq[*events.ReplicationCopyReported]) map[selection.Hold]selection.Firmness {
	held := map[selection.Hold]selection.Firmness{}
	for m := range copies {
		if m.State == sourceDeleted {
			continue
		}
		hold, firmness := selection.Hold{Link: m.Link, Topic: m.Topic, Target: m.TargetTopic}, selection.Firm
		if m.State == mirror.Stopped.String() && m.Reason == string(mirror.TargetNotEmpty) {
			firmness = selection.Doubtful
		}
		held[hold] = max(held[hold], firmness)
	}
	return held
}

// hold follows what is told of copies until ctx ends.
func (s *Service) hold(ctx context.Context) {
	try := s.deps.Cluster.Kafka().Board().New("follow which link copies into which topic")
	defer try.End()
	for ctx.Err() == nil {
		err := replication.WatchCopies(ctx, s.deps.Cluster, s.cfg.Prefix, func(copies iter.Seq[*events.ReplicationCopyReported]) error {
			try.Passed()
			if s.holding.set(holds(copies)) {
				s.poke()
			}
			return nil
		})
		if ctx.Err() == nil {
			try.Again(ctx, err, time.Second)
		}
	}
}
