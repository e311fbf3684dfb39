package manager

import (
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/services/manager/site"
)

// Local is the process of a local manager. Make one with NewLocal, run it once. It is ready also
// while there is no scheduler at the site; Trouble says so then.
type Local struct{ process[site.Input] }

// NewLocal checks the configuration; nothing runs yet.
func NewLocal(cfg LocalConfig, deps Deps) (*Local, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Cluster == nil {
		return nil, errors.New("local manager: Deps.Cluster is nil; open one with cluster.Open")
	}
	measured, err := newLocalMetrics(deps.Meter)
	if err != nil {
		return nil, fmt.Errorf("local manager: register metrics: %w", err)
	}
	owner, err := logowner.New(localOwner(cfg, deps, measured))
	if err != nil {
		return nil, fmt.Errorf("local manager: %w", err)
	}
	return &Local{process[site.Input]{"local manager", owner}}, nil
}

// localOwner says how the log of status is owned. Ends of tasks are decided before entries: what
// has ended lets others begin.
func localOwner(cfg LocalConfig, deps Deps, measured *localMetrics) logowner.Config[site.Input] {
	topics, ends := events.Topics{Prefix: cfg.Prefix}, endsOf(cfg.Site)
	core := site.Config{Site: cfg.Site, Pool: cfg.Pool, Kind: cfg.Kind, Predicate: cfg.Predicate, Topics: topics}
	var inputs []logowner.Input[site.Input]
	for n := range events.PoolPartitions {
		inputs = append(inputs, logowner.Input[site.Input]{Topic: topics.Events(), Partition: logowner.At(n), Prepare: ends.prepare, Missed: missed})
	}
	inputs = append(inputs, logowner.Input[site.Input]{Topic: topics.NetworkInbox(), Prepare: prepareInbox})
	return logowner.Config[site.Input]{
		Name:      "spanway.local-manager",
		Log:       topics.NetworkStatus(),
		Catalogue: topics.UsedBy(events.RoleLocalManager),
		Group:     topics.LocalManagerGroup(),
		Inputs:    inputs,
		NewCore:   func(int32) eventlog.Core[site.Input] { return site.New(core) },
		Cluster:   logowner.On(deps.Cluster),
		Encoder:   events.Encoder{Source: "/spanway/" + cfg.Site + "/local-manager", JSON: cfg.JSON},
		Instance:  cfg.Instance,
		Snapshots: cfg.Logs,
		Telemetry: logowner.Telemetry{Logger: deps.Logger, Meter: deps.Meter},
		Extend: func(t *logowner.Tenure[site.Input]) {
			spans := newTraces(topics, cfg.Site)
			t.Hooks.Counted = func(_ eventlog.Core[site.Input], batch []events.Logged) {
				measured.counted(batch)
				spans.counted(batch)
			}
			t.Hooks.Observe = func(c eventlog.Core[site.Input]) { measured.observed(c.(*site.Core)) }
			t.Hooks.Disowned = func(error) {
				measured.disowned()
				spans.disowned()
			}
		},
	}
}
