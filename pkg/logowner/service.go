package logowner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Service owns partitions of a log: those that the consumer group gives to this
// process. Make one with New, run it once.
type Service[I any] struct {
	cfg        Config[I]
	log        *slog.Logger
	membership *membership
	metrics    *metrics
	board      *trouble.Board
	ready      chan struct{}
	ran        atomic.Bool

	mu         sync.Mutex
	partitions map[int32]*partition[I]
	announce   sync.Once
}

// ErrRan says that a Service was run before; make a new one.
var ErrRan = errors.New("it was run before; a service runs once")

// New checks the configuration; nothing runs yet.
func New[I any](cfg Config[I]) (*Service[I], error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m, err := newMetrics(cfg.Telemetry.Meter)
	if err != nil {
		return nil, fmt.Errorf("%s: register metrics: %w", cfg.Name, err)
	}
	s := &Service[I]{
		cfg: cfg, log: cfg.Telemetry.Logger, membership: newMembership(), metrics: m,
		ready: make(chan struct{}), partitions: map[int32]*partition[I]{},
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if c, ok := cfg.Cluster.(interface{ Board() *trouble.Board }); ok {
		s.board = c.Board()
	} else {
		s.board = trouble.NewBoard(s.log)
	}
	return s, nil
}

// Ready is closed once every partition that the group first gave to this
// process is owned; with no partition, as soon as the group has said so. It stays closed:
// what keeps the service from its work later is what Trouble says.
func (s *Service[I]) Ready() <-chan struct{} { return s.ready }

// Trouble is what is in the way now, for more than a second: of owning the partitions that
// the group gives to this process, and of whatever else uses its connection. It is nil if
// nothing is.
func (s *Service[I]) Trouble() error { return s.board.Err() }

// Run works until ctx ends, then leaves the group and returns nil. It returns
// an error only if it cannot begin: topics that are not as they must be, a log of which a
// partition is a copy (*eventlog.ReadOnlyError), a group that cannot be joined, ErrRan. That
// no broker answers, or a topic has no leader, makes it late and does not end it.
func (s *Service[I]) Run(ctx context.Context) error {
	if s.ran.Swap(true) {
		return fmt.Errorf("%s: %w", s.cfg.Name, ErrRan)
	}
	if ctx.Err() != nil {
		return nil
	}
	var warnings []string
	err := s.board.Until(ctx, "begin "+s.cfg.Name, func() (err error) {
		if err = s.writable(ctx); err == nil {
			warnings, err = s.cfg.Cluster.Ensure(ctx, events.Specs(s.cfg.own()))
		}
		return err
	})
	if err == nil {
		err = s.awaitForeign(ctx)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", s.cfg.Name, err)
	case len(warnings) > 0:
		s.log.Warn("the topics are good for development only", "because", warnings[0], "reasons", len(warnings))
	}
	owners, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		s.assign(owners, nil)
	}()
	err = s.cfg.Cluster.Join(ctx, s.cfg.Group, s.cfg.Log, func(ctx context.Context, generation int32, partitions []int32) {
		s.log.Info("partitions assigned", "generation", generation, "partitions", partitions)
		s.membership.begin(partitions)
		s.assign(owners, partitions)
		<-ctx.Done()
		s.membership.end()
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// writable refuses a log that is a copy before anything is created beside it.
func (s *Service[I]) writable(ctx context.Context) error {
	if c, ok := s.cfg.Cluster.(interface {
		Writable(ctx context.Context, log string) error
	}); ok {
		return c.Writable(ctx, s.cfg.Log)
	}
	return nil
}

// assign starts owners of partitions that are new and stops those that went to
// another member; an owner that stays is not touched.
func (s *Service[I]) assign(ctx context.Context, partitions []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := make(map[int32]bool, len(partitions))
	for _, n := range partitions {
		keep[n] = true
	}
	var leaving []*partition[I]
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

func (s *Service[I]) start(ctx context.Context, n int32) *partition[I] {
	ctx, cancel := context.WithCancel(ctx)
	p := &partition[I]{
		number: n, service: s, stop: cancel,
		owned: make(chan struct{}), done: make(chan struct{}),
		log: s.log.With("topic", s.cfg.Log, "partition", n), trails: map[eventlog.TopicPartition]*trail{},
	}
	go p.run(ctx)
	return p
}

func partitionsOf[I any](m map[int32]*partition[I]) []*partition[I] {
	out := make([]*partition[I], 0, len(m))
	for _, p := range m {
		out = append(out, p)
	}
	return out
}

func (s *Service[I]) announceReady(ctx context.Context, first []*partition[I]) {
	for _, p := range first {
		select {
		case <-p.owned:
		case <-p.done: // It went to another member.
		case <-ctx.Done():
		}
	}
	if ctx.Err() == nil { // Else it is over, and nothing need be owned.
		close(s.ready)
	}
}
