package loghost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/internal/telemetry/logsize"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// Service hosts partitions of a shared log. Make one with New, run it once.
type Service struct {
	cfg   Config
	log   *slog.Logger
	board *trouble.Board
	logs  *logsize.Logs // while it runs
	hosts map[int32]*sharedlog.Host
	ready chan struct{}
	ran   atomic.Bool
}

// ErrRan says that a Service was run before; make a new one.
var ErrRan = errors.New("it was run before; a service runs once")

// New checks the configuration; nothing runs yet.
func New(cfg Config) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Partitions == nil {
		for n := range cfg.Log.Partitions {
			cfg.Partitions = append(cfg.Partitions, n)
		}
	}
	s := &Service{cfg: cfg, log: cfg.Logger, hosts: map[int32]*sharedlog.Host{}, ready: make(chan struct{})}
	if s.log == nil {
		s.log = slog.Default()
	}
	if c, ok := cfg.Cluster.(interface{ Board() *trouble.Board }); ok {
		s.board = c.Board()
	} else {
		s.board = trouble.NewBoard(s.log)
	}
	for _, n := range cfg.Partitions {
		s.hosts[n] = s.host(n)
	}
	return s, nil
}

func (s *Service) host(n int32) *sharedlog.Host {
	topic := s.cfg.Log.Topic
	return sharedlog.NewHost(sharedlog.Config{
		Log: s.partition(topic, n), Reads: s.partition(topic, n), Topic: topic, Partition: n,
		NewCore:   func() sharedlog.Core { return s.cfg.NewCore(n) },
		Snapshots: s.snapshots(n), Encoder: s.cfg.Encoder, Board: s.board, Meter: s.cfg.Meter,
	})
}

// partition is a handle of a partition, which may be a copy.
func (s *Service) partition(topic string, n int32) eventlog.Log {
	return mirrored.Of(s.cfg.Cluster.Partition(topic, n))
}

// snapshots are those of a partition, by a handle of their own; nil if there are none.
func (s *Service) snapshots(n int32) *eventlog.Snapshots {
	if s.cfg.Bare {
		return nil
	}
	log := s.log.With("topic", s.cfg.Log.Topic, "partition", n)
	return &eventlog.Snapshots{
		Log:   s.partition(events.Snapshots(s.cfg.Log.Topic), n),
		Topic: s.cfg.Log.Topic, Partition: n, Encoder: s.cfg.Encoder,
		OnBad: func(m *events.LogSnapshot, err error) {
			log.Warn("a snapshot cannot be used", "offset", m.GetOffset(), "error", err)
		},
	}
}

// Host is that of a partition; nil if it is not hosted. It may be used before Run: its
// methods wait for that.
func (s *Service) Host(partition int32) *sharedlog.Host { return s.hosts[partition] }

// Ready is closed once every partition is folded up to where the log ended when it was
// begun. It stays closed: what is in the way later is what Trouble says.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Trouble is what is in the way now, for more than a second: of the hosts, and of
// whatever else uses their connection. It is nil if nothing is.
func (s *Service) Trouble() error { return s.board.Err() }

// Run hosts until its context ends, and then returns nil: calls that have no verdict end with a
// *sharedlog.UnknownError. Its error says why it could not begin, or is final
// (eventlog.Final): what a log holds cannot be read or folded.
func (s *Service) Run(until context.Context) error {
	if s.ran.Swap(true) {
		return fmt.Errorf("host %s: %w", s.cfg.Log.Topic, ErrRan)
	}
	ctx, stop := context.WithCancelCause(until)
	defer stop(nil)
	if err := s.ensure(ctx); err != nil {
		stop(err) // The hosts end with it, so that no call waits for them. It changes nothing if ctx has ended.
	}
	maker := instruments.On(s.cfg.Meter)
	s.logs = logsize.New(maker)
	defer s.logs.Stop()
	if err := maker.Err(); err != nil {
		return fmt.Errorf("host %s: %w", s.cfg.Log.Topic, err)
	}
	var parts sync.WaitGroup
	for n, h := range s.hosts {
		parts.Go(func() {
			if err := h.Run(ctx); err != nil {
				stop(fmt.Errorf("host %s/%d: %w", s.cfg.Log.Topic, n, err))
			}
		})
	}
	parts.Go(func() { s.announceReady(ctx) })
	if s.cfg.Group != "" {
		parts.Go(func() { s.keep(ctx) })
	}
	<-ctx.Done()
	parts.Wait()
	select {
	case <-until.Done():
		return nil
	default:
		return context.Cause(ctx)
	}
}

// ensure creates the topics, if it is to. When ctx has ended it is of no interest whether
// that worked: Run returns nil.
func (s *Service) ensure(ctx context.Context) error {
	if len(s.cfg.Create) == 0 {
		return nil
	}
	var warnings []string
	err := s.board.Until(ctx, "begin to host "+s.cfg.Log.Topic, func() (err error) {
		warnings, err = s.cfg.Cluster.Ensure(ctx, events.Specs(s.cfg.Create))
		return err
	})
	if err != nil {
		return fmt.Errorf("host %s: %w", s.cfg.Log.Topic, err)
	}
	if len(warnings) > 0 {
		s.log.Warn("the topics are good for development only", "because", warnings[0], "reasons", len(warnings))
	}
	return nil
}

func (s *Service) announceReady(ctx context.Context) {
	for _, h := range s.hosts {
		if h.Read(ctx, true, func(sharedlog.Core, sharedlog.Position) {}) != nil {
			return // It ends, which is told by whatever ends it.
		}
	}
	if ctx.Err() == nil {
		close(s.ready)
	}
}
