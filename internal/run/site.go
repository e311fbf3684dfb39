package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler"
)

// meterScope is that of all services: those of one process count what they have in common
// together, where Prometheus would refuse the same series twice.
const meterScope = "github.com/spanway/spanway"

// site is one cluster with its services.
type site struct {
	name string
	of   string // what the names of its parts end with; empty if it is the only site
	cfg  Config
	log  *slog.Logger
	kept embedded.Config

	broker  *embedded.Broker // both once the broker is ready
	cluster *cluster.Cluster
	redis   *embedded.Redis // once it is ready
	port    int             // of redis; 0: a free one
	up      <-chan struct{} // closed when it is
	// realised is the directory of what is realised of networks; empty without managers.
	realised string

	mu  sync.Mutex
	out []error // of the engines that ended by themselves
}

// trouble is what is in the way of the site's services, which share one connection.
func (x *site) trouble() error {
	if !closed(x.up) {
		return nil // That it is not ready is told otherwise.
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return errors.Join(append([]error{x.cluster.Trouble()}, x.out...)...)
}

// engineOut notes that an engine ended by itself, as one does whose ID another
// process has taken. The others go on, and so do the broker and the scheduler.
func (x *site) engineOut(_ context.Context, name string, err error) {
	err = &endedError{name, err}
	x.log.Error("an engine is out; the rest of the system goes on without it, and is not ready until it is started again", "error", err)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.out = append(x.out, err)
}

// newClusterID is that of a cluster whose data begins, with which it is kept, as Kafka's own: no two
// have the same, or a link between them would be one from a cluster to itself.
func newClusterID(site string) string { return site + "-" + uuid.NewString() }

// sites are those of a configuration.
func (c Config) sites() []*site {
	if len(c.Sites) == 0 {
		kept := embedded.Config{DataDir: c.DataDir, Port: c.Port, ClusterID: newClusterID(c.Site), CreateTopics: true}
		return []*site{{name: c.Site, cfg: c, log: c.Logger, kept: kept, port: c.RedisPort}}
	}
	var out []*site
	for i, name := range c.Sites {
		x := &site{name: name, of: " of site " + name, cfg: c, log: c.Logger.With("site", name)}
		if c.DataDir != "" {
			x.kept.DataDir = filepath.Join(c.DataDir, name)
		}
		if c.Port != 0 {
			x.kept.Port = c.Port + i
		}
		if c.RedisPort != 0 {
			x.port = c.RedisPort + i
		}
		x.kept.ClusterID, x.kept.CreateTopics = newClusterID(name), true
		out = append(out, x)
	}
	return out
}

// add adds the site's parts to those of the system, and returns that of its topics.
func (x *site) add(s *System) (topics *part) {
	broker := s.parts.add("broker"+x.of, func(context.Context) (func(), error) { return x.startBroker(s.fail) })
	x.up = broker.ready
	topics = s.parts.add("topics"+x.of, x.startTopics, broker)
	redis := s.parts.add("redis"+x.of, func(context.Context) (func(), error) { return x.startRedis() })
	s.addKept(x, "allocator", x.newAllocator, topics, redis)
	s.addKept(x, "queues", x.newQueues, topics)
	sched := s.addKept(x, "scheduler", x.newScheduler, topics)
	for i := range x.cfg.Engines {
		id := fmt.Sprintf("%s-%d", x.name, i+1)
		s.addService("engine "+id, func() (service, error) { return newEngine(x, id) }, x.engineOut, sched)
	}
	return topics
}

// startBroker starts the broker, and tells failed if it stops by itself.
func (x *site) startBroker(failed func(name string, err error)) (stop func(), err error) {
	broker, err := embedded.Start(x.kept)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("start the broker%s: port %d of 127.0.0.1 is in use; choose another with --port, or 0 for a free one: %w", x.of, x.kept.Port, err)
	}
	if err != nil {
		return nil, err
	}
	c, err := cluster.Open(cluster.Config{Brokers: broker.Addrs(), ClientID: "spanway-dev", Logger: x.log})
	if err != nil {
		return broker.Close, err
	}
	x.broker, x.cluster = broker, c
	stopping, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-broker.Failed():
			failed("broker"+x.of, broker.Err())
		case <-stopping:
		}
	}()
	return func() {
		close(stopping)
		<-done
		c.Close()
		told := broker.Err() != nil
		broker.Close()
		if err := broker.Err(); err != nil && !told {
			x.log.Error("the broker did not write all of its files", "error", err)
		}
	}, nil
}

func (x *site) startTopics(ctx context.Context) (stop func(), err error) {
	if _, err := x.cluster.Ensure(ctx, events.Specs(events.Topics{Prefix: x.cfg.Prefix}.Catalogue())); err != nil {
		return nil, fmt.Errorf("create the topics%s: %w", x.of, err)
	}
	return nil, nil
}

func (x *site) newScheduler() (service, error) {
	conf := scheduler.DefaultConfig()
	conf.Prefix, conf.Site, conf.Instance = x.cfg.Prefix, x.name, "dev"
	conf.Logs, conf.JSON = x.cfg.Logs, x.cfg.JSON
	if x.cfg.Engine.TTL > 0 {
		conf.EngineTTL = x.cfg.Engine.TTL
	}
	meter, err := x.meter()
	if err != nil {
		return nil, err
	}
	return scheduler.New(conf, scheduler.Deps{Cluster: x.cluster, Logger: x.log, Meter: meter})
}

// meter measures a service: of several sites each apart, for they have the same
// partitions.
func (x *site) meter() (metric.Meter, error) {
	if x.of == "" || x.cfg.Telemetry == nil {
		return otel.Meter(meterScope), nil
	}
	return x.cfg.Telemetry.SiteMeter(x.name, meterScope)
}
