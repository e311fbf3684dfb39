package link

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// span is what a partition of a source has: [start, end).
type span struct {
	partition  int32
	start, end int64
}

// askTimeout bounds how long a source is asked what it has.
const askTimeout = 5 * time.Second

// within refuses an offset to begin at that lies behind the end of the source, and tells where
// the copies begin if the source does not keep it any more. It looks at the source, if the
// configuration file has that and it answers, else at what replicators report. What nobody knows
// is left to the replicator.
func (do *resuming) within(ctx context.Context, a *cli.App, c *cluster.Cluster, s *replication.Site, name string, r *replication.Resume) error {
	state, err := s.State(ctx, true)
	if err != nil {
		return err
	}
	l, there := state.Link(name)
	if !there {
		return unknown("resume", name)
	}
	spans, err := spansAt(ctx, a, l.Source, r)
	as := ""
	if err != nil {
		status, err := replication.ReadStatus(ctx, c, a.Prefix)
		if err != nil {
			return err
		}
		spans, as = spansReported(name, r, &status, time.Now().UnixMilli()), ", as its replicator has reported last"
	}
	for _, of := range spans {
		switch {
		case r.From > of.end:
			return &replication.Refused{What: fmt.Sprintf("resume link %.99q from offset %d", name, r.From), Code: events.CodeBadData, Detail: fmt.Sprintf(
				"partition %d of topic %s ends at offset %d at the source %s%s: give an offset up to that, or earliest", of.partition, r.Topic, of.end, l.Source, as)}
		case r.From < of.start:
			a.Notef("partition %d of topic %s has no record before offset %d any more: its copy begins there, and not at %d\n", of.partition, r.Topic, of.start, r.From)
		}
	}
	return nil
}

// spansAt asks the source.
func spansAt(ctx context.Context, a *cli.App, name string, r *replication.Resume) (spans []span, err error) {
	source, err := openSource(a, name, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer source.Close()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	partitions := r.Partitions
	if len(partitions) == 0 {
		n, err := source.Kafka().Partitions(ctx, r.Topic)
		if err != nil {
			return nil, err
		}
		for p := range n {
			partitions = append(partitions, p)
		}
	}
	for _, p := range partitions {
		start, end, err := source.Offsets(ctx, r.Topic, p)
		if err != nil {
			return nil, err
		}
		spans = append(spans, span{p, start, end})
	}
	return spans, nil
}

// spansReported are what replicators report. Of a copy that none has now, or whose source is
// another topic now, it is not known.
func spansReported(link string, r *replication.Resume, status *replication.Status, now int64) (spans []span) {
	runs := running(link, status, now)
	for _, m := range status.Copies {
		named := len(r.Partitions) == 0 || slices.Contains(r.Partitions, m.Partition)
		if m.Link == link && m.Topic == r.Topic && named && runs(m) && !m.LagUnknown && m.State != sourceDeleted {
			spans = append(spans, span{m.Partition, m.SourceStart, m.SourceEnd})
		}
	}
	return spans
}
