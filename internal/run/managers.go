package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager"
	"github.com/spanway/spanway/services/manager/delivery"
	"github.com/spanway/spanway/services/manager/realise"
	managed "github.com/spanway/spanway/services/manager/site"
)

// Delivering is how a global manager sends sites what concerns them.
type Delivering struct {
	// Connect opens a connection to the cluster of a site, for that site alone.
	Connect func(site string) (*cluster.Cluster, error)
	// PerSecond is how many entries, and parts of full syncs, a site is sent in a second at
	// most; 0: any. Patience is how long it may take until they are sent again.
	PerSecond float64
	Patience  time.Duration
}

// GlobalManager runs a global manager, and delivers to all sites while it owns the log, until
// ctx ends, and then leaves its group.
func GlobalManager(ctx context.Context, cfg manager.GlobalConfig, deps manager.Deps, to Delivering, tel *telemetry.Telemetry) error {
	deps.Meter = otel.Meter(meterScope)
	g, err := newGlobalManager(cfg, deps, to)
	if err != nil {
		return err
	}
	return watched(ctx, "global manager", g, tel)
}

// LocalManager runs a local manager until ctx ends, and then leaves its group.
func LocalManager(ctx context.Context, cfg manager.LocalConfig, deps manager.Deps, tel *telemetry.Telemetry) error {
	deps.Meter = otel.Meter(meterScope)
	l, err := manager.NewLocal(cfg, deps)
	if err != nil {
		return err
	}
	return watched(ctx, "local manager", l, tel)
}

// globalManager is a global manager with its delivery.
type globalManager struct {
	*manager.Global
	delivery *delivery.Tenure
}

func newGlobalManager(cfg manager.GlobalConfig, deps manager.Deps, to Delivering) (*globalManager, error) {
	if deps.Cluster == nil || to.Connect == nil {
		return nil, errors.New("global manager: Deps.Cluster and Delivering.Connect must be set")
	}
	service := &delivery.Service{
		Cluster: deps.Cluster, Topics: events.Topics{Prefix: cfg.Prefix}, Source: "/spanway/" + cfg.Site + "/global-manager",
		Connect: to.Connect, PerSecond: to.PerSecond, Patience: to.Patience, Snapshots: cfg.Logs, Logger: deps.Logger, Meter: deps.Meter,
	}
	tenure := &delivery.Tenure{Deliver: service.Run, Board: deps.Cluster.Kafka().Board()}
	g, err := manager.NewGlobal(cfg, manager.GlobalDeps{Deps: deps, Delivery: tenure})
	if err != nil {
		return nil, err
	}
	return &globalManager{g, tenure}, nil
}

// Run implements service. The delivery has ended when it returns.
func (g *globalManager) Run(ctx context.Context) error {
	defer g.delivery.Close()
	return g.Global.Run(ctx)
}

// addManagers adds a global manager to the first of several sites, and a local one to each.
func (s *System) addManagers(cfg Config, topics []*part) {
	if len(cfg.Sites) == 0 {
		return
	}
	for i, x := range s.sites {
		s.addKept(x, "local manager", x.newLocalManager, topics[i])
	}
	first := s.sites[0]
	s.addKept(first, "global manager", func() (service, error) { return first.newGlobalManager(s.sites) }, topics...)
}

// realiser is how the engines of several sites realise networks: as files.
func (x *site) realiser() map[string]engine.Handler {
	if x.realised == "" {
		return nil
	}
	return map[string]engine.Handler{managed.DefaultKind: realise.Files{Dir: x.realised}.Handle}
}

// edge are the labels of engines that realise networks, as local managers choose them.
func (x *site) edge() map[string]any {
	if x.realised == "" {
		return nil
	}
	return map[string]any{"role": "edge"}
}

// keepRealised chooses where what is realised at the sites is kept: beside their data, or else in
// a temporary directory, which is deleted when the system stops.
func (s *System) keepRealised(cfg Config) error {
	if len(cfg.Sites) == 0 {
		return nil
	}
	dir := cfg.DataDir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "spanway-realised-"); err != nil {
			return fmt.Errorf("make a directory for what is realised: %w", err)
		}
		s.temporary = dir
	}
	for _, x := range s.sites {
		x.realised = filepath.Join(dir, x.name+".realised") // No site has a dot in its name.
	}
	return nil
}

func (x *site) newLocalManager() (service, error) {
	conf := manager.DefaultLocalConfig()
	conf.Prefix, conf.Site, conf.Instance, conf.JSON = x.cfg.Prefix, x.name, "dev", x.cfg.JSON
	conf.Logs = x.cfg.Logs.Snapshots()
	meter, err := x.meter()
	if err != nil {
		return nil, err
	}
	return manager.NewLocal(conf, manager.Deps{Cluster: x.cluster, Logger: x.log, Meter: meter})
}

func (x *site) newGlobalManager(all []*site) (service, error) {
	conf := manager.DefaultGlobalConfig()
	conf.Prefix, conf.Site, conf.Instance, conf.JSON = x.cfg.Prefix, x.name, "dev", x.cfg.JSON
	conf.Logs = x.cfg.Logs.Snapshots()
	meter, err := x.meter()
	if err != nil {
		return nil, err
	}
	connect := func(name string) (*cluster.Cluster, error) {
		for _, other := range all {
			if other.name == name {
				return cluster.Open(cluster.Config{Brokers: other.broker.Addrs(), ClientID: "spanway-global-manager", Logger: other.log})
			}
		}
		return nil, fmt.Errorf("there is no site %s here: start it with --sites that name it", name)
	}
	return newGlobalManager(conf, manager.Deps{Cluster: x.cluster, Logger: x.log, Meter: meter}, Delivering{Connect: connect})
}
