package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/pkg/queue"
)

// Service delivers to all sites over Kafka.
type Service struct {
	// Cluster is that of the global manager. It is not closed.
	Cluster *cluster.Cluster
	Topics  events.Topics
	// Reach, if set, gives the inbox and the log of a site in place of those on the cluster that
	// Connect opens: for sites that are not on a cluster of their own.
	Reach func(site string) (Inbox, Status)
	// Source of the records, such as "/spanway/ams/global-manager".
	Source string
	// Connect opens a connection to the cluster of a site, which is that of its delivery alone and
	// is closed with it.
	Connect func(site string) (*cluster.Cluster, error)
	// PerSecond and Patience are as in Config.
	PerSecond float64
	Patience  time.Duration
	// Snapshots says when snapshots of the queues are written, and what is kept of their logs.
	Snapshots logowner.Snapshots
	// Logger is told of what is in the way of a site, which is not on the board of Cluster: that a
	// site is down does not keep a global manager from its work. It and Meter are for the hosts of
	// queues, too; both may be nil.
	Logger *slog.Logger
	Meter  metric.Meter
}

// Run folds the log of changes, and delivers once that has come to the end of it, when it calls
// begun, until ctx ends; then it returns nil. The error is a *NewerTermError, or one that keeps the log from being read
// (eventlog.Final).
func (s *Service) Run(ctx context.Context, begun func()) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	changes := NewChanges()
	topic, ready := s.Topics.NetworkChanges(), make(chan struct{})
	snapshots := &eventlog.Snapshots{Log: s.Cluster.Partition(events.Snapshots(topic), 0), Topic: topic}
	requests := OnRequests(s.Cluster, s.Topics, s.Source)
	flying := newFlying(s.Meter)
	defer flying.end()
	all := &All{Runs: flying.runs, Fold: changes, Board: trouble.NewBoard(s.Logger), Open: func(ctx context.Context, site string) (Config, func(), error) {
		return s.open(ctx, site, requests)
	}, Remove: s.remove}
	var err error // of what ended first
	var first sync.Once
	end := func(why error) {
		first.Do(func() { err = why })
		stop(why)
	}
	var running sync.WaitGroup
	running.Go(func() {
		end(changes.Follow(ctx, s.Cluster.Kafka().Board(), topic, s.Cluster.Partition(topic, 0), snapshots, func() { close(ready) }))
	})
	running.Go(func() {
		select {
		case <-ready:
			begun()
			end(all.Run(ctx))
		case <-ctx.Done():
		}
	})
	running.Wait()
	return err
}

// open makes what the delivery to a site works with. Its queue is created if there is none.
func (s *Service) open(ctx context.Context, site string, requests Requests) (Config, func(), error) {
	name, options := events.SiteQueue(site), queue.Options{Prefix: s.Topics.Prefix, Source: s.Source, Snapshots: s.Snapshots, Logger: s.Logger, Meter: s.Meter}
	q, err := queue.Open(ctx, s.Cluster, name, options)
	if errors.Is(err, queue.ErrUnknownQueue) {
		if err = queue.Create(ctx, s.Cluster, name, QueueRules, options); err == nil {
			q, err = queue.Open(ctx, s.Cluster, name, options)
		}
	}
	if err != nil {
		return Config{}, nil, err
	}
	if s.Reach != nil {
		cfg := Config{Queue: OnQueue(q), Requests: requests, PerSecond: s.PerSecond, Patience: s.Patience}
		cfg.Inbox, cfg.Status = s.Reach(site)
		return cfg, func() { _ = q.Close() }, nil
	}
	c, err := s.Connect(site)
	if err != nil {
		_ = q.Close() // Nothing was put in.
		return Config{}, nil, fmt.Errorf("connect to the cluster of site %s: %w", site, err)
	}
	return Config{
		Queue: OnQueue(q), Inbox: OnInbox(c, s.Topics, s.Source), Status: OnStatus(c, s.Topics, site), Requests: requests,
		PerSecond: s.PerSecond, Patience: s.Patience,
	}, func() { _ = q.Close(); c.Close() }, nil // What ended the host is the error of the delivery.
}

// remove deletes the queue of a site that was retired.
func (s *Service) remove(ctx context.Context, site string) error {
	q, err := queue.Open(ctx, s.Cluster, events.SiteQueue(site), queue.Options{Prefix: s.Topics.Prefix, Source: s.Source, Logger: s.Logger})
	if errors.Is(err, queue.ErrUnknownQueue) || errors.Is(err, queue.ErrDeleted) {
		return nil
	}
	if err != nil {
		return err
	}
	err = q.Delete(ctx, true)
	_ = q.Close() // What ended the host, the deletion has told.
	return err
}
