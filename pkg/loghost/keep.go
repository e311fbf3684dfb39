package loghost

import (
	"cmp"
	"context"
	"sync"

	"github.com/spanway/spanway/internal/steady"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/logowner"
)

// keep keeps the partitions that the group gives to this process, until ctx ends.
func (s *Service) keep(ctx context.Context) {
	keepers := map[int32]*sharedlog.Keeper{}
	for n := range s.hosts {
		keepers[n] = s.keeper(n)
	}
	err := s.cfg.Cluster.Join(ctx, s.cfg.Group, s.cfg.Log.Topic, func(ctx context.Context, generation int32, partitions []int32) {
		s.log.Debug("keeping partitions of a shared log", "topic", s.cfg.Log.Topic, "generation", generation, "partitions", partitions)
		var running sync.WaitGroup
		for _, n := range partitions {
			if k := keepers[n]; k != nil {
				running.Go(func() { _ = k.Run(ctx) }) // Its error is that of the host, which Run returns.
			}
		}
		<-ctx.Done()
		running.Wait()
	})
	if ctx.Err() == nil {
		s.log.Error("this process writes no snapshots and ends no leases: it cannot join the group that names the process which does; "+
			"give it the right, or let another process of the group run", "topic", s.cfg.Log.Topic, "group", s.cfg.Group, "error", err)
	}
}

func (s *Service) keeper(n int32) *sharedlog.Keeper {
	topic := s.cfg.Log.Topic
	now := steady.New(steady.Read()).Now
	log := s.log.With("topic", topic, "partition", n)
	return sharedlog.NewKeeper(sharedlog.KeeperConfig{
		Host: s.hosts[n], Now: now, Board: s.board,
		Bytes: s.cfg.Snapshots.Bytes, Events: s.cfg.Snapshots.Events, Interval: cmp.Or(s.cfg.Snapshots.Interval, logowner.DefaultInterval),
		Work: &eventlog.Housekeeper{
			Log: s.partition(topic, n), Snapshots: s.snapshots(n), Truncator: s.cfg.Cluster,
			NewFold: func() eventlog.Fold { return sharedlog.NewFold(s.cfg.NewCore(n), sharedlog.Horizon) },
			Keep:    cmp.Or(s.cfg.Snapshots.History, logowner.DefaultHistory), Now: now,
		},
		Kept: func(out eventlog.Outcome) {
			switch {
			case out.Err != nil: // It is tried again, and told of by the board.
			case out.Saved != nil:
				log.Info("wrote a snapshot", "offset", out.Saved.Offset, "bytes", out.Saved.StateBytes)
			}
			if out.Deleted > 0 {
				log.Info("deleted the beginning of the log", "below", out.Deleted)
			}
		},
	})
}
