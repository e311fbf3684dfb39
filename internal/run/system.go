package run

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
)

// System is a running system. It is safe for concurrent use.
type System struct {
	log    *slog.Logger
	sites  []*site // at least one
	parts  parts
	failed chan error
	stop   sync.Once
	// temporary is a directory that is deleted at the end; empty if there is none.
	temporary string
	// giveUp ends a start that has not ended.
	giveUp context.CancelCauseFunc
}

// Site is where the services of a site are reached.
type Site struct {
	Site  string `json:"site"`
	Kafka string `json:"kafka"`
	Redis string `json:"redis"`
	// Realised is the directory in which the site's engines keep what they realise of
	// networks; only several sites have one.
	Realised string `json:"realised,omitempty"`
}

// stopReport is how often a stop that lasts says what it waits for.
const stopReport = 5 * time.Second

// Start brings a system up and returns when at each site an owner holds every
// partition and every engine is registered. If ctx ends before, or a part ends,
// it takes everything down again and says which part was not ready.
func Start(ctx context.Context, cfg Config) (*System, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if err := cfg.checkLayout(); err != nil {
		return nil, err
	}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	s := &System{log: cfg.Logger, sites: cfg.sites(), failed: make(chan error, 1), giveUp: giveUp}
	if err := s.keepRealised(cfg); err != nil {
		return nil, err
	}
	var topics []*part
	for _, x := range s.sites {
		topics = append(topics, x.add(s))
	}
	s.addReplicators(topics)
	s.addManagers(cfg, topics)
	if cfg.Telemetry != nil {
		for _, p := range s.parts {
			cfg.Telemetry.Ready(p.name, p.ready)
		}
		for _, x := range s.sites {
			cfg.Telemetry.Watch("services"+x.of, x.trouble)
		}
	}
	if err := s.parts.start(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// service is what every service offers.
type service interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
}

// addService adds a part that runs until it is stopped. Its context is its own,
// so that the end of the caller's does not stop all parts at once. A part that
// ends by itself ends the start; once it was ready, ended is told instead, which
// returns when nothing of the part runs any more.
func (s *System) addService(name string, build func() (service, error), ended func(ctx context.Context, name string, err error), needs ...*part) *part {
	return s.parts.add(name, func(ctx context.Context) (func(), error) {
		x, err := build()
		if err != nil {
			return nil, fmt.Errorf("start the %s: %w", name, err)
		}
		running, cancel := context.WithCancel(context.WithoutCancel(ctx))
		done := make(chan struct{})
		go func() {
			defer close(done)
			switch err := x.Run(running); {
			case running.Err() != nil: // It was told to.
			case closed(x.Ready()):
				ended(running, name, err)
			default:
				s.fail(name, err)
			}
		}()
		stop := func() { cancel(); <-done }
		select {
		case <-x.Ready():
			return stop, nil
		case <-ctx.Done():
			return stop, fmt.Errorf("wait for the %s to be ready: %w", name, context.Cause(ctx))
		}
	}, needs...)
}

// addKept is addService for a part of a site that is started again when it ends by itself.
func (s *System) addKept(x *site, name string, build func() (service, error), needs ...*part) *part {
	kept := &again{build: build, board: func() *trouble.Board { return x.cluster.Kafka().Board() }, log: x.log, fail: s.fail}
	return s.addService(name+x.of, build, kept.ended, needs...)
}

// fail notes that a part ended by itself without which the system is of no use.
func (s *System) fail(name string, err error) {
	err = &endedError{name, err}
	s.giveUp(err)
	select {
	case s.failed <- err:
	default: // Another part failed first.
	}
}

// Brokers are the addresses of the first site's broker.
func (s *System) Brokers() []string { return s.sites[0].broker.Addrs() }

// Cluster is the connection that the parts of the first site share; it is closed by
// Stop.
func (s *System) Cluster() *cluster.Cluster { return s.sites[0].cluster }

// Sites are the sites of the system, the first one global.
func (s *System) Sites() []Site {
	out := make([]Site, len(s.sites))
	for i, x := range s.sites {
		out[i] = Site{Site: x.name, Kafka: x.broker.Addr(), Redis: x.redis.Addr(), Realised: x.realised}
	}
	return out
}

// Site is the site of that name; false if there is none.
func (s *System) Site(name string) (Site, bool) {
	for _, x := range s.Sites() {
		if x.Site == name {
			return x, true
		}
	}
	return Site{}, false
}

// Failed tells that a broker ended by itself, or a service for a fault of configuration, and
// why. It tells one. Other ends do not end the system: a service is started again, an engine
// is out; both are logged and show in readiness.
func (s *System) Failed() <-chan error { return s.failed }

// Stop takes everything down, at all sites at once, and returns when it is down.
// While that lasts it logs every few seconds what it waits for. It may be called
// more than once and at once; each call returns when everything is down.
func (s *System) Stop() {
	s.stop.Do(func() {
		s.parts.stop(stopReport, func(stopping []string) {
			s.log.Warn("waiting for parts of the system to stop", "parts", stopping)
		})
		if s.temporary != "" {
			_ = os.RemoveAll(s.temporary) // It is one for temporary files.
		}
	})
}
