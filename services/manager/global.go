package manager

import (
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/services/manager/network"
)

// GlobalConfig is what an operator chooses for a global manager. The zero value is not valid;
// begin with DefaultGlobalConfig.
type GlobalConfig struct {
	// Prefix of every topic.
	Prefix string
	// Site becomes part of the events' source: /spanway/<site>/global-manager.
	Site string
	// Instance names this process to people; nothing is decided by it.
	Instance string
	// JSON writes events as JSON instead of protobuf.
	JSON bool
	// Logs says when snapshots are written, and what is kept of the log of changes.
	Logs logowner.Snapshots
}

// DefaultGlobalConfig is what a deployment begins with.
func DefaultGlobalConfig() GlobalConfig {
	return GlobalConfig{Prefix: events.DefaultPrefix, Site: "local"}
}

// Validate names the first field that cannot be used, and the remedy.
func (c GlobalConfig) Validate() error {
	switch {
	case c.Prefix == "":
		return errors.New("global manager config: Prefix is empty; use \"spanway.\" or one of your own")
	case c.Site == "":
		return errors.New("global manager config: Site is empty; name the site, such as \"ams\"")
	}
	for _, err := range []error{events.CheckPrefix(c.Prefix), events.CheckOptionalID("Site", c.Site), events.CheckOptionalID("Instance", c.Instance)} {
		if err != nil {
			return fmt.Errorf("global manager config: %w", err)
		}
	}
	return nil
}

// Delivery sends sites what the log of changes says that they are to get. It is told of the log
// while this process owns it, by one goroutine, which nothing may block; the core may be looked
// at until a call returns, and must not be kept.
type Delivery interface {
	// Owned: this process owns the log from now on, and the core is at its fold.
	Owned(c *network.Core)
	// Counted: these events count, and the core has folded them. The slice must not be kept.
	Counted(c *network.Core, batch []events.Logged)
	// Observe is called about once a second and more often, for what was not to be taken before.
	Observe(c *network.Core)
	// Disowned: it owns the log no more. Nothing may be sent from what the core said.
	Disowned()
}

// GlobalDeps are what a global manager is given. It closes none of them.
type GlobalDeps struct {
	Deps
	// Delivery, if set, sends sites what concerns them.
	Delivery Delivery
}

// Global is the process of a global manager. Make one with NewGlobal, run it once.
type Global struct{ process[network.Command] }

// NewGlobal checks the configuration; nothing runs yet.
func NewGlobal(cfg GlobalConfig, deps GlobalDeps) (*Global, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Cluster == nil {
		return nil, errors.New("global manager: Deps.Cluster is nil; open one with cluster.Open")
	}
	measured, err := newGlobalMetrics(deps.Meter)
	if err != nil {
		return nil, fmt.Errorf("global manager: register metrics: %w", err)
	}
	owner, err := logowner.New(globalOwner(cfg, deps, measured))
	if err != nil {
		return nil, fmt.Errorf("global manager: %w", err)
	}
	return &Global{process[network.Command]{"global manager", owner}}, nil
}

// globalOwner says how the log of changes is owned.
func globalOwner(cfg GlobalConfig, deps GlobalDeps, measured *globalMetrics) logowner.Config[network.Command] {
	topics := events.Topics{Prefix: cfg.Prefix}
	return logowner.Config[network.Command]{
		Name:      "spanway.global-manager",
		Log:       topics.NetworkChanges(),
		Catalogue: topics.UsedBy(events.RoleGlobalManager),
		Group:     topics.GlobalManagerGroup(),
		Inputs:    []logowner.Input[network.Command]{{Topic: topics.NetworkRequests(), Prepare: network.Prepare}},
		NewCore:   func(int32) eventlog.Core[network.Command] { return network.New() },
		Cluster:   logowner.On(deps.Cluster),
		Encoder:   events.Encoder{Source: "/spanway/" + cfg.Site + "/global-manager", JSON: cfg.JSON},
		Instance:  cfg.Instance,
		Snapshots: cfg.Logs,
		Telemetry: logowner.Telemetry{Logger: deps.Logger, Meter: deps.Meter},
		Extend: func(t *logowner.Tenure[network.Command]) {
			t.Hooks = told(deps.Delivery, measured, newTraces(topics, cfg.Site))
		},
	}
}

// told are the hooks by which a delivery, if there is one, metrics and traces are told of the log.
func told(d Delivery, m *globalMetrics, spans *traces) (h eventlog.Hooks[network.Command]) {
	core := func(c eventlog.Core[network.Command]) *network.Core { return c.(*network.Core) }
	if d == nil {
		d = nobody{}
	}
	h.Owned = func(_ uint32, c eventlog.Core[network.Command]) { d.Owned(core(c)) }
	h.Counted = func(c eventlog.Core[network.Command], batch []events.Logged) {
		m.counted(batch)
		spans.counted(batch)
		d.Counted(core(c), batch)
	}
	h.Observe = func(c eventlog.Core[network.Command]) {
		m.observed(core(c))
		d.Observe(core(c))
	}
	h.Disowned = func(error) {
		m.disowned()
		d.Disowned()
	}
	return h
}

// nobody is a Delivery where nothing is delivered.
type nobody struct{}

func (nobody) Owned(*network.Core)                    {}
func (nobody) Counted(*network.Core, []events.Logged) {}
func (nobody) Observe(*network.Core)                  {}
func (nobody) Disowned()                              {}
