package loghost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/steady"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/logowner"
)

// keep keeps the partitions that the group gives to this process, until ctx ends. That the
// group cannot be joined is told of, and tried again.
func (s *Service) keep(ctx context.Context) {
	keepers := map[int32]*sharedlog.Keeper{}
	for n := range s.hosts {
		keepers[n] = s.keeper(ctx, n)
	}
	try := s.board.New(fmt.Sprintf("join group %s, whose member writes snapshots of %s and ends its leases", s.cfg.Group, s.cfg.Log.Topic))
	defer try.End()
	for pause := keepAgain; ; pause = min(2*pause, joinMost) {
		err := s.cfg.Cluster.Join(ctx, s.cfg.Group, s.cfg.Log.Topic, func(ctx context.Context, generation int32, partitions []int32) {
			try.Passed()
			pause = keepAgain
			s.log.Debug("keeping partitions of a shared log", "topic", s.cfg.Log.Topic, "generation", generation, "partitions", partitions)
			s.keepShare(ctx, keepers, partitions)
		})
		if ctx.Err() != nil || !try.Again(ctx, err, pause*3/4+rand.N(pause/4)) {
			return
		}
	}
}

// keepShare keeps partitions until ctx ends.
func (s *Service) keepShare(ctx context.Context, keepers map[int32]*sharedlog.Keeper, partitions []int32) {
	var running sync.WaitGroup
	for _, n := range partitions {
		if k := keepers[n]; k != nil {
			running.Go(func() {
				if s.awaitWritable(ctx, n) {
					defer s.logs.Forget(s.cfg.Log.Topic, n)
					_ = k.Run(ctx) // Its error is that of the host, which Run returns.
				}
			})
		}
	}
	<-ctx.Done()
	running.Wait()
}

// joinMost bounds the pause before a group that could not be joined is joined anew, such as
// one to which the right is missing: it doubles each time, and brokers log each one.
const joinMost = 30 * time.Second

// keepAgain is how long it rests before it is asked again whether a log is a copy.
const keepAgain = time.Second

// awaitWritable waits until it is known whether a partition is to be kept: a copy is not. It
// is kept where it is written.
func (s *Service) awaitWritable(ctx context.Context, n int32) bool {
	try := s.board.New(fmt.Sprintf("find out whether %s/%d is a copy", s.cfg.Log.Topic, n))
	defer try.End()
	for ctx.Err() == nil {
		err := eventlog.Writable(ctx, s.partition(s.cfg.Log.Topic, n))
		var copied *eventlog.ReadOnlyError
		switch {
		case err == nil:
			return true
		case errors.As(err, &copied):
			s.log.Info("not keeping a log that is a copy", "topic", s.cfg.Log.Topic, "partition", n, "of", copied.Of.Topic, "cluster_id", copied.Of.Cluster)
			return false
		}
		try.Again(ctx, err, keepAgain)
	}
	return false
}

// truncator deletes nothing of a copy: its offsets are others, and its replicator does it.
type truncator struct{ *Service }

func (t truncator) DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error {
	if err := eventlog.Writable(ctx, t.partition(topic, partition)); err != nil {
		return fmt.Errorf("delete what %s/%d holds below %d: %w", topic, partition, before, err)
	}
	return t.cfg.Cluster.DeleteRecords(ctx, topic, partition, before)
}

func (s *Service) keeper(ctx context.Context, n int32) *sharedlog.Keeper {
	topic := s.cfg.Log.Topic
	now := steady.New(steady.Read()).Now
	log := s.log.With("topic", topic, "partition", n)
	work := &eventlog.Housekeeper{
		Log: s.partition(topic, n), Snapshots: s.snapshots(n), Truncator: truncator{s},
		NewFold: func() eventlog.Fold { return sharedlog.NewFold(s.cfg.NewCore(n), sharedlog.Horizon) },
		Keep:    cmp.Or(s.cfg.Snapshots.History, logowner.DefaultHistory), Now: now,
	}
	return sharedlog.NewKeeper(sharedlog.KeeperConfig{
		Host: s.hosts[n], Now: now, Board: s.board,
		Bytes: s.cfg.Snapshots.Bytes, Events: s.cfg.Snapshots.Events, Interval: cmp.Or(s.cfg.Snapshots.Interval, logowner.DefaultInterval),
		Work: work,
		Kept: func(out eventlog.Outcome) {
			switch {
			case out.Err != nil: // It is tried again, and told of by the board.
				s.logs.Snapshot(topic, "failed")
			case out.Saved != nil:
				s.logs.Snapshot(topic, "saved")
				log.Info("wrote a snapshot", "offset", out.Saved.Offset, "bytes", out.Saved.StateBytes)
			}
			if out.Deleted > 0 {
				log.Info("deleted the beginning of the log", "below", out.Deleted)
			}
			s.logs.Kept(ctx, topic, n, work, out)
		},
	})
}
