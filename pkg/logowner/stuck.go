package logowner

import (
	"log/slog"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
)

// stuckAfter is how long a target partition has no room before it is told of: a burst
// fills one for a moment.
const stuckAfter = 5 * time.Second

// stuck knows since when target partitions have no room, and tells of those that have
// none for long. It is used by the owner's goroutine alone.
type stuck struct {
	log   *slog.Logger
	now   func() time.Time
	since map[eventlog.TopicPartition]time.Time
	told  map[eventlog.TopicPartition]bool
}

func newStuck(log *slog.Logger, now func() time.Time) *stuck {
	return &stuck{log, now, map[eventlog.TopicPartition]time.Time{}, map[eventlog.TopicPartition]bool{}}
}

// heldBack notes that a partition is held back, or no longer.
func (s *stuck) heldBack(to eventlog.TopicPartition, held bool) {
	switch {
	case held:
		s.since[to] = s.now()
		return
	case s.told[to]:
		s.log.Info("what a partition did not take was sent", "to_topic", to.Topic, "to_partition", to.Partition)
	}
	delete(s.since, to)
	delete(s.told, to)
}

// look tells of partitions that take nothing for long, once each.
func (s *stuck) look() {
	for to, since := range s.since {
		if took := s.now().Sub(since); took >= stuckAfter && !s.told[to] {
			s.told[to] = true
			s.log.Warn("a partition takes nothing; what goes there waits in the log, and nothing else does",
				"to_topic", to.Topic, "to_partition", to.Partition, "since", took.Round(time.Second))
		}
	}
}

// forget is for the end of a tenure.
func (s *stuck) forget() {
	clear(s.since)
	clear(s.told)
}
