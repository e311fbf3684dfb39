package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
)

// Deps are what the service is given.
type Deps struct {
	Cluster *cluster.Cluster
	Logger  *slog.Logger
	Meter   metric.Meter
}

// Service is a scheduler process. Make one with New, run it once.
type Service struct {
	cfg        Config
	deps       Deps
	kafka      *kafka.Client // of deps.Cluster
	topics     events.Topics
	predicates *predicate.Cache
	membership *membership
	metrics    *metrics
	ready      chan struct{}

	mu         sync.Mutex
	partitions map[int32]*partition
	announce   sync.Once
}

// New checks the configuration; nothing runs yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Cluster == nil {
		return nil, errors.New("scheduler: Deps.Cluster is nil; open one with cluster.Open")
	}
	if deps.Logger == nil {
		deps.Logger = slog.Default()
	}
	m, err := newMetrics(deps.Meter)
	if err != nil {
		return nil, fmt.Errorf("scheduler: register metrics: %w", err)
	}
	return &Service{
		cfg:        cfg,
		deps:       deps,
		kafka:      deps.Cluster.Kafka(),
		topics:     events.Topics{Prefix: cfg.Prefix},
		predicates: predicate.NewCache(predicateCache),
		membership: newMembership(),
		metrics:    m,
		ready:      make(chan struct{}),
		partitions: map[int32]*partition{},
	}, nil
}

// predicateCache is how many compiled predicates a process keeps.
const predicateCache = 20_000

// Ready is closed once every partition that the group first gave to this
// process is owned; with no partition, as soon as the group has said so.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run works until ctx ends, then leaves the group and returns nil. It returns
// an error only if it cannot begin: topics that are not as they must be.
func (s *Service) Run(ctx context.Context) error {
	warnings, err := s.kafka.Ensure(ctx, events.Specs(s.topics.UsedBy(events.RoleScheduler)))
	if err != nil {
		return fmt.Errorf("scheduler: %w", err)
	}
	if len(warnings) > 0 {
		s.deps.Logger.Warn("the topics are good for development only", "because", warnings[0], "reasons", len(warnings))
	}
	owners, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		s.assign(owners, nil)
	}()
	err = s.kafka.Join(ctx, s.group(), s.topics.Events(), func(ctx context.Context, g *kafka.Generation) {
		s.deps.Logger.Info("partitions assigned", "generation", g.ID, "partitions", g.Partitions)
		s.membership.begin(g.Partitions)
		s.assign(owners, g.Partitions)
		<-ctx.Done()
		s.membership.end()
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// assign starts owners of partitions that are new and stops those that went to
// another member; an owner that stays is not touched.
func (s *Service) assign(ctx context.Context, partitions []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := make(map[int32]bool, len(partitions))
	for _, n := range partitions {
		keep[n] = true
	}
	var leaving []*partition
	for n, p := range s.partitions {
		if !keep[n] {
			p.stop()
			leaving = append(leaving, p)
			delete(s.partitions, n)
		}
	}
	for _, p := range leaving {
		<-p.done
	}
	for _, n := range partitions {
		if s.partitions[n] == nil {
			s.partitions[n] = s.start(ctx, n)
		}
	}
	if ctx.Err() == nil {
		s.announce.Do(func() { go s.announceReady(ctx, partitionsOf(s.partitions)) })
	}
}

func (s *Service) start(ctx context.Context, n int32) *partition {
	ctx, cancel := context.WithCancel(ctx)
	p := &partition{
		number: n, service: s, stop: cancel,
		owned: make(chan struct{}), done: make(chan struct{}),
		log: s.deps.Logger.With("topic", s.topics.Events(), "partition", n),
	}
	go p.run(ctx)
	return p
}

// scope names what the service traces.
const scope = "github.com/spanway/spanway/services/scheduler"

// group is the consumer group that shares the partitions.
func (s *Service) group() string { return s.cfg.Prefix + "scheduler" }

func (s *Service) encoder() events.Encoder {
	return events.Encoder{Source: "/spanway/" + s.cfg.Site + "/scheduler", JSON: s.cfg.JSON}
}

func partitionsOf(m map[int32]*partition) []*partition {
	out := make([]*partition, 0, len(m))
	for _, p := range m {
		out = append(out, p)
	}
	return out
}

func (s *Service) announceReady(ctx context.Context, first []*partition) {
	for _, p := range first {
		select {
		case <-p.owned:
		case <-p.done: // It went to another member.
		case <-ctx.Done():
			return
		}
	}
	close(s.ready)
}
