package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler"
)

// Config of a system in one process.
type Config struct {
	// DataDir keeps the broker's data; empty keeps it in memory.
	DataDir string
	// Port of the broker on 127.0.0.1; 0 takes a free one.
	Port int
	// Engines is how many stand-alone engines to include.
	Engines int
	Site    string
	Prefix  string
	// EngineTTL is how long an engine may be silent; the scheduler's default if 0.
	EngineTTL time.Duration
	// JSON writes events and reports as JSON instead of protobuf.
	JSON bool
	// Logs says how the scheduler keeps its logs; its defaults if zero.
	Logs   scheduler.LogConfig
	Logger *slog.Logger
	// Telemetry, if set, learns what must be ready.
	Telemetry *telemetry.Telemetry
}

// System is a running system. It is safe for concurrent use.
type System struct {
	site    string
	broker  *embedded.Broker
	cluster *cluster.Cluster
	stages  []*stage // in the order in which they began
	failed  chan error
}

// Site is where the services of a site are reached.
type Site struct {
	Site  string `json:"site"`
	Kafka string `json:"kafka"`
}

// engineGrace is short, because somebody waits for the prompt to come back.
const engineGrace = 2 * time.Second

// Start brings a system up and returns when an owner holds every partition and
// every engine is registered. If ctx ends before, it takes everything down again.
func Start(ctx context.Context, cfg Config) (*System, error) {
	cfg = cfg.withDefaults()
	broker, err := embedded.Start(embedded.Config{DataDir: cfg.DataDir, Port: cfg.Port})
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d of 127.0.0.1 is in use; choose another with --port, or 0 for a free one: %w", cfg.Port, err)
	}
	if err != nil {
		return nil, err
	}
	s := &System{site: cfg.Site, broker: broker, failed: make(chan error, 1)}
	if s.cluster, err = cluster.Open(cluster.Config{Brokers: broker.Addrs(), ClientID: "spanway-dev"}); err != nil {
		broker.Close()
		return nil, err
	}
	if err := s.start(ctx, cfg); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.Site == "" {
		c.Site = "local"
	}
	if c.Prefix == "" {
		c.Prefix = events.DefaultPrefix
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Logger = slog.New(quiet{c.Logger.Handler()})
	return c
}

// quiet leaves out the warning that a broker is not fit for production: this one
// is not meant to be.
type quiet struct{ slog.Handler }

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "the topics are good for development only") {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }

func (s *System) start(ctx context.Context, cfg Config) error {
	if _, err := s.cluster.Ensure(ctx, events.Specs(events.Topics{Prefix: cfg.Prefix}.Catalogue())); err != nil {
		return fmt.Errorf("create the topics: %w", err)
	}
	conf := scheduler.DefaultConfig()
	conf.Prefix, conf.Site, conf.Instance = cfg.Prefix, cfg.Site, "dev"
	conf.Logs, conf.JSON = cfg.Logs, cfg.JSON
	if cfg.EngineTTL > 0 {
		conf.EngineTTL = cfg.EngineTTL
	}
	sched, err := scheduler.New(conf, scheduler.Deps{
		Cluster: s.cluster, Logger: cfg.Logger, Meter: otel.Meter("github.com/spanway/spanway/services/scheduler"),
	})
	if err != nil {
		return err
	}
	s.begin(ctx, cfg, "scheduler", sched)
	if err := s.await(ctx, "the scheduler to own every partition", sched.Ready()); err != nil {
		return err
	}
	for i := range cfg.Engines {
		e, err := newEngine(s, cfg, fmt.Sprintf("%s-%d", cfg.Site, i+1))
		if err != nil {
			return err
		}
		s.begin(ctx, cfg, "engine", e)
		if err := s.await(ctx, "the engine to register", e.Ready()); err != nil {
			return err
		}
	}
	return nil
}

// service is what every service offers.
type service interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
}

func (s *System) begin(ctx context.Context, cfg Config, name string, part service) {
	if cfg.Telemetry != nil {
		cfg.Telemetry.Ready(name, part.Ready())
	}
	s.stages = append(s.stages, begin(ctx, name, s.failed, part.Run))
}

func (s *System) await(ctx context.Context, what string, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case err := <-s.failed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", what, ctx.Err())
	}
}

// Brokers are the addresses of the embedded broker.
func (s *System) Brokers() []string { return s.broker.Addrs() }

// Cluster is the connection that the parts share; it is closed by Stop.
func (s *System) Cluster() *cluster.Cluster { return s.cluster }

// Sites are the sites of the system, the first one global.
func (s *System) Sites() []Site { return []Site{{Site: s.site, Kafka: s.broker.Addr()}} }

// Failed tells that a part ended by itself, and why. It tells one.
func (s *System) Failed() <-chan error { return s.failed }

// Stop takes everything down, the last part first, and returns when it is down.
func (s *System) Stop() {
	for len(s.stages) > 0 {
		last := len(s.stages) - 1
		s.stages[last].stop()
		s.stages = s.stages[:last]
	}
	s.cluster.Close()
	s.broker.Close()
}
