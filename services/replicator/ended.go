package replicator

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

// sourceDeleted is the state of a copy whose source has no such topic any more. It does not
// run; what was copied is kept, and is told of for as long as the link chooses the topic.
const sourceDeleted = "source_deleted"

// ended is a copy whose source was deleted, as it is told.
type ended struct {
	report *events.ReplicationCopyReported
	news   bool
	looked bool // at where it ends in the target
}

// past tells what became of copies that are not selected any more.
type past struct {
	fate func(link, topic, target string, partition int32) selection.Fate
	// owns tells whether a copy is, or would be, this process's.
	owns func(link, topic, target string, partition int32) bool
}

func newPast(in selection.Input, assigned map[int32]bool) *past {
	owns := func(link, topic, target string, partition int32) bool {
		for i := range in.Links {
			if l := &in.Links[i]; l.Name == link {
				id := selection.CopyID(mirror.Config{
					Source: events.ClusterPartition{Cluster: in.Sources[l.Source].Cluster, Topic: topic, Partition: partition},
					Target: events.ClusterPartition{Topic: target},
				})
				return assigned[events.CopyPartition(id)]
			}
		}
		return true // Its link is gone: whoever knows of it may delete what is told.
	}
	return &past{selection.Past(in), owns}
}

// leave is called of a copy that the site does not want any more.
func (s *status) leave(st *standing, past *past) {
	from, to := st.Config.Source, st.Config.Target.Topic
	if past.fate(st.Link, from.Topic, to, from.Partition) == selection.SourceDeleted {
		s.end(st.key(), st.message(s.name, time.Now()))
		return
	}
	s.gone[st.key()] = true
}

// end has it told that the source of a copy was deleted. Where the source ended last is kept: what
// is between that and where the copy is was never copied.
func (s *status) end(key string, m *events.ReplicationCopyReported) {
	now := time.Now().UnixMilli()
	m.State, m.Reason, m.LastError, m.SinceMs, m.AtMs, m.Replicator = sourceDeleted, "", "", now, now, s.name
	m.Place, m.Line, m.Failures, m.AgainAtMs, m.SourceEnd, m.ConsistentSinceMs, m.LagUnknown = 0, 0, 0, 0, max(m.Next, m.SourceEnd), 0, false
	s.ended[key] = &ended{report: m, news: true}
}

// settle looks at all copies whose sources were deleted. One that is a copy again is told of
// by whoever has it.
func (s *status) settle(selected *selection.Selection, past *past) {
	if len(s.ended)+len(s.recalled) == 0 {
		return
	}
	live := map[string]bool{}
	for i := range selected.Copies {
		c := &selected.Copies[i]
		live[copyKey(c.Link, c.Config.Target.Topic, c.Config.Target.Partition)] = true
	}
	for key, e := range s.ended {
		m := e.report
		fate := past.fate(m.Link, m.Topic, m.TargetTopic, m.Partition)
		switch {
		case live[key]:
			delete(s.ended, key)
		case fate == selection.Unknown:
		case !past.owns(m.Link, m.Topic, m.TargetTopic, m.Partition): // Another process tells of it, maybe as of a copy.
			delete(s.ended, key)
		case fate != selection.SourceDeleted:
			delete(s.ended, key)
			s.gone[key] = true
		}
	}
	s.recalled = slices.DeleteFunc(s.recalled, func(m *events.ReplicationCopyReported) bool {
		key := copyKey(m.Link, m.TargetTopic, m.Partition)
		fate := past.fate(m.Link, m.Topic, m.TargetTopic, m.Partition)
		switch {
		case live[key] || s.ended[key] != nil:
		case fate == selection.Present && selected.Stops(m.Link, m.Topic): // Nobody runs it: the problem is what there is to tell.
			if past.owns(m.Link, m.Topic, m.TargetTopic, m.Partition) {
				s.gone[key] = true
			}
		case fate == selection.Unknown || fate == selection.Present: // The source may tell of it for a moment longer.
			return false
		case !past.owns(m.Link, m.Topic, m.TargetTopic, m.Partition):
		case fate == selection.Unwanted: // It would hold its target topic if it were told of still.
			s.gone[key] = true
		case fate == selection.SourceDeleted && m.State == sourceDeleted:
			s.ended[key] = &ended{report: m, looked: m.TargetEnd > 0}
		case fate == selection.SourceDeleted: // No replicator ran when that was done.
			s.end(key, m)
		}
		return true
	})
}

// endedNews is what there is to tell of copies whose sources were deleted.
func (s *status) endedNews(now time.Time) (all []told) {
	for _, key := range slices.Sorted(maps.Keys(s.ended)) {
		if e := s.ended[key]; e.news {
			e.news, e.report.AtMs = false, now.UnixMilli()
			all = append(all, told{key, proto.CloneOf(e.report)})
		}
	}
	return all
}

// recall reads what was told of copies before: their sources may have been deleted while
// nobody looked. It is called when the copies are shared out.
func (s *Service) recall(ctx context.Context) {
	try := s.deps.Cluster.Kafka().Board().New("read how copies stood")
	defer try.End()
	for ctx.Err() == nil {
		was, err := replication.ReadStatus(ctx, s.deps.Cluster, s.cfg.Prefix)
		if err != nil {
			try.Again(ctx, err, time.Second)
			continue
		}
		try.Passed()
		s.status.mu.Lock()
		s.status.recalled = was.Copies
		s.status.mu.Unlock()
		s.poke()
		return
	}
}

// lookAtKept looks up where kept copies end.
func (w *watcher) lookAtKept(ctx context.Context) error {
	s, of := w.of.status, map[string][]int32{}
	s.mu.Lock()
	for _, e := range s.ended {
		if !e.looked {
			of[e.report.TargetTopic] = append(of[e.report.TargetTopic], e.report.Partition)
		}
	}
	s.mu.Unlock()
	if len(of) == 0 {
		return nil
	}
	ends, err := w.of.deps.Cluster.Kafka().Ends(ctx, of)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.ended {
		if end, told := ends[e.report.TargetTopic][e.report.Partition]; told && !e.looked {
			e.report.TargetEnd, e.looked, e.news = end, true, true
		}
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
