package replicator

import (
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// trimmer deletes from targets what their sources have deleted. It is for one goroutine.
type trimmer struct {
	of   *Service
	done map[string]int64 // up to which start of the source, by ID
}

// trimTimeout bounds the work on one copy in a round: the next one goes on.
const trimTimeout = 10 * time.Second

// run trims until ctx ends.
func (t *trimmer) run(ctx context.Context) {
	try := t.of.deps.Cluster.Kafka().Board().New("delete from targets what their sources have deleted")
	defer try.End()
	for trouble.Pause(ctx, t.of.cfg.Follow) {
		var failed error
		for _, st := range t.of.status.exclusive() {
			if st.report.SourceStart <= t.done[st.ID] {
				continue
			}
			if err := t.trim(ctx, &st); err != nil {
				failed = err
				continue
			}
			t.done[st.ID] = st.report.SourceStart // If time was too short, the source's next deletion goes on.
		}
		if failed != nil && ctx.Err() == nil {
			try.Failed(failed) // The next round tries again.
			continue
		}
		try.Passed()
	}
}

// trim deletes the copies of what is gone from one source.
func (t *trimmer) trim(ctx context.Context, st *standing) error {
	ctx, cancel := context.WithTimeout(ctx, trimTimeout)
	defer cancel()
	at := st.Config.Target
	log := t.of.deps.Cluster.Partition(at.Topic, at.Partition)
	start, before, err := gone(ctx, log, st)
	if err != nil {
		return fmt.Errorf("look for copies of deleted records in %s/%d: %w", at.Topic, at.Partition, err)
	}
	if before <= start {
		return nil
	}
	if err := t.of.deps.Cluster.Kafka().DeleteRecords(ctx, at.Topic, at.Partition, before); err != nil {
		return err
	}
	t.of.log.Info("deleted copies of what the source has deleted", "topic", at.Topic, "partition", at.Partition, "below", before)
	return nil
}

// gone finds the copies at the front of a target of what the source has deleted: [start,
// before). The newest copied record is none of them, nor is what follows a record of an
// earlier generation, of which the source tells nothing.
func gone(ctx context.Context, log eventlog.Log, st *standing) (start, before int64, err error) {
	page, err := log.Fetch(ctx, 0, 0)
	if from, _, outside := eventlog.OutOfRange(err); outside {
		start = from
		page, err = log.Fetch(ctx, start, 0)
	}
	before = start
	for ; err == nil; page, err = log.Fetch(ctx, page.Next, 0) {
		for i := range page.Records {
			r := &page.Records[i]
			p, ok := events.ProvenanceOf(r, st.Config.Target)
			if !ok || p.ClusterPartition != st.Config.Source || p.Generation != st.report.Generation {
				return start, before, nil
			}
			before = r.Offset // It is the newest so far: those before it may go.
			if p.Offset >= st.report.SourceStart {
				return start, before, nil
			}
		}
		if page.Next >= page.End {
			return start, before, nil
		}
	}
	if before > start {
		err = nil // What was found is deleted now, the rest in the next round.
	}
	return start, before, err
}

// exclusive are the copies of this process from whose targets may be deleted.
func (s *status) exclusive() (all []standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.copies {
		if st.Trims && !st.report.Paused && st.report.Generation > 0 {
			all = append(all, *st)
		}
	}
	return all
}
