package replicator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/selection"
)

// Service is a replicator process. Make one with New, run it once.
type Service struct {
	cfg     Config
	deps    Deps
	topics  events.Topics
	log     *slog.Logger
	metrics *metrics

	declared declared
	holding  holding
	poked    chan struct{} // holds one if a plan is due
	target   *view
	changes  *changes
	scout    *scout
	status   *status
	all      shared
	keep     copying.Checkpoints
	letters  copying.Letters

	admitting *admitting
	// Of the goroutine that plans.
	sources  map[string]*view
	shares   map[string]shared // by link
	copies   *copies
	selected *selection.Selection
	planned  atomic.Int64 // when the last plan that is made began

	auditEvery time.Duration // see auditEvery

	beside sync.WaitGroup // what runs beside the plan
	linked chan struct{}  // closed when what is declared is known
	joined chan struct{}  // closed when the group has given this process its part
	ready  chan struct{}
	ran    atomic.Bool
}

// New checks the configuration; nothing runs yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Cluster == nil {
		return nil, errors.New("replicator: Deps.Cluster is nil; open one with cluster.Open")
	}
	if deps.Logger == nil {
		deps.Logger = slog.Default()
	}
	s := &Service{
		cfg: cfg, deps: deps, topics: events.Topics{Prefix: cfg.Prefix}, log: deps.Logger,
		poked: make(chan struct{}, 1), sources: map[string]*view{}, all: shared{copying.NewRoom(cfg.Memory), copying.NewTurns(sweepsAtOnce)}, shares: map[string]shared{},
		auditEvery: auditEvery, linked: make(chan struct{}), joined: make(chan struct{}), ready: make(chan struct{}),
	}
	var err error
	if s.metrics, err = newMetrics(deps.Meter); err != nil {
		return nil, fmt.Errorf("replicator: register metrics: %w", err)
	}
	if deps.Links == nil {
		s.deps.Links = &siteLinks{deps.Cluster, replication.Options{
			Prefix: cfg.Prefix, Source: "/spanway/" + cfg.Site + "/replicator", JSON: cfg.JSON, Create: true, Snapshots: cfg.Logs, Logger: deps.Logger, Meter: deps.Meter,
		}}
	}
	s.target = newView(deps.Cluster.String(), deps.Cluster, &s.cfg, s.poke)
	s.changes = newChanges(s.target, s.log, s.poke)
	s.scout = newScout(s)
	s.admitting = newAdmitting(cfg.Snapshots, s.log, s.metrics)
	s.copies = newCopies(s.copier, s.stopped)
	s.status = newStatus(s)
	s.connect()
	return s, nil
}

// Ready is closed once the links are known and this process has its part of the copies.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Trouble is what is in the way now, for more than a second, at the site's own cluster; nil
// if nothing is. A source that is away is not: its links say so.
func (s *Service) Trouble() error { return s.deps.Cluster.Trouble() }

// Run works until ctx ends, then stops its copies, leaves its group and returns nil. Its
// error says that it cannot begin, or cannot go on.
func (s *Service) Run(ctx context.Context) error {
	if s.ran.Swap(true) {
		return errors.New("replicator: it was run before; a service runs once")
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := s.ensure(running)
	if err == nil {
		s.run(running, stop)
		if ctx.Err() == nil { // Else it was told to end.
			err = context.Cause(running)
		}
	}
	if err != nil {
		return fmt.Errorf("replicator of site %s: %w", s.cfg.Site, err)
	}
	return nil
}

// ensure creates the topics of replication that are missing.
func (s *Service) ensure(ctx context.Context) error {
	letters, _ := s.topics.Log(s.topics.DeadLetters())
	var warnings []string
	err := s.deps.Cluster.Kafka().Board().Until(ctx, "begin to replicate", func() (err error) {
		warnings, err = s.deps.Cluster.Ensure(ctx, events.Specs(append(s.topics.ReplicationLogs(), letters)))
		return err
	})
	if err != nil && ctx.Err() == nil {
		return err
	}
	if len(warnings) > 0 {
		s.log.Warn("the topics are good for development only", "because", warnings[0], "reasons", len(warnings))
	}
	return nil
}

// run runs all parts until ctx ends, or one of them fails.
func (s *Service) run(ctx context.Context, fail context.CancelCauseFunc) {
	part := func(f func(ctx context.Context) error) {
		s.beside.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				fail(err)
			}
		})
	}
	part(func(ctx context.Context) error { s.target.run(ctx); return nil })
	part(s.watch)
	part(s.join)
	part(func(ctx context.Context) error { s.hold(ctx); return nil })
	part(func(ctx context.Context) error { s.status.run(ctx); return nil })
	part(func(ctx context.Context) error { (&trimmer{of: s, done: map[string]int64{}}).run(ctx); return nil })
	part(func(ctx context.Context) error {
		(&auditor{of: s, following: map[string]*following{}}).run(ctx)
		return nil
	})
	part(func(ctx context.Context) error { (&watcher{s}).run(ctx); return nil })
	part(func(ctx context.Context) error { s.scout.run(ctx); return nil })
	part(func(ctx context.Context) error { s.announceReady(ctx); return nil })
	defer s.metrics.observe(s.status)()
	defer s.admitting.close()
	s.plan(ctx)
	s.beside.Wait()
}

// watch follows what is declared.
func (s *Service) watch(ctx context.Context) error {
	var once sync.Once
	err := s.deps.Links.Watch(ctx, func(all []links.Link, groups []links.Group) {
		s.declared.declare(all, groups)
		once.Do(func() { close(s.linked) })
		s.poke()
	})
	if err == nil {
		err = errLinksEnded
	}
	return fmt.Errorf("follow what links the site declares: %w", err)
}

// join has the group give this process its part of the copies.
func (s *Service) join(ctx context.Context) error {
	var once sync.Once
	return s.deps.Cluster.Kafka().Join(ctx, s.topics.ReplicatorGroup(), s.topics.ReplicationCheckpoints(), func(ctx context.Context, g *kafka.Generation) {
		s.log.Debug("the copies are shared out", "generation", g.ID, "partitions", g.Partitions)
		s.declared.assign(g.Partitions)
		once.Do(func() { close(s.joined) })
		s.poke()
		s.recall(ctx)
		s.doubles(ctx)
		<-ctx.Done()
		s.declared.orphan(time.Now())
	})
}

// stopped tells whether a copy has stopped by itself.
func (s *Service) stopped(id string) bool { return s.status.stopped(id) }

func (s *Service) announceReady(ctx context.Context) {
	for _, c := range []chan struct{}{s.linked, s.joined} {
		select {
		case <-c:
		case <-ctx.Done():
			return
		}
	}
	close(s.ready)
}
