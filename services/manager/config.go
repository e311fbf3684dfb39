package manager

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/pkg/request"
	"github.com/spanway/spanway/services/manager/site"
)

// LocalConfig is what an operator chooses for a local manager. The zero value is not valid;
// begin with DefaultLocalConfig.
type LocalConfig struct {
	// Prefix of every topic.
	Prefix string
	// Site is the one that it realises at, as the global manager names it. It must stay the
	// same: what is for another site is declined. It becomes part of the events' source, too:
	// /spanway/<site>/local-manager.
	Site string
	// Instance names this process to people; nothing is decided by it.
	Instance string
	// JSON writes events and requests for tasks as JSON instead of protobuf. The payload of a
	// task is protobuf in any case.
	JSON bool
	// Pool of the tasks that realise; empty: the default one.
	Pool events.Pool
	// Kind of these tasks; empty: site.DefaultKind.
	Kind string
	// Predicate says which engines realise; empty: site.DefaultPredicate.
	Predicate string
	// Logs says when snapshots are written, and what is kept of the log of status.
	Logs logowner.Snapshots
}

// DefaultLocalConfig is what a deployment begins with.
func DefaultLocalConfig() LocalConfig {
	return LocalConfig{
		Prefix: events.DefaultPrefix, Site: "local",
		Pool: events.DefaultPool, Kind: site.DefaultKind, Predicate: site.DefaultPredicate,
	}
}

// Validate names the first field that cannot be used, and the remedy.
func (c LocalConfig) Validate() error {
	switch {
	case c.Prefix == "":
		return errors.New("local manager config: Prefix is empty; use \"spanway.\" or one of your own")
	case c.Site == "":
		return errors.New("local manager config: Site is empty; name the site as the global manager does, such as \"ams\"")
	}
	for _, err := range []error{events.CheckPrefix(c.Prefix), network.CheckSite(c.Site), events.CheckOptionalID("Instance", c.Instance), c.checkTasks()} {
		if err != nil {
			return fmt.Errorf("local manager config: %w", err)
		}
	}
	return nil
}

// checkTasks refuses what schedulers would refuse of every task.
func (c LocalConfig) checkTasks() error {
	_, err := request.New(nil).Check(&events.TaskRequested{
		TaskId: site.TaskPrefix(c.Site), Pool: string(c.Pool), Kind: cmp.Or(c.Kind, site.DefaultKind), Predicate: cmp.Or(c.Predicate, site.DefaultPredicate),
	})
	if err != nil {
		return fmt.Errorf("tasks of the kind %.80q in the pool %.80q with the predicate %.200q: %w", c.Kind, c.Pool, c.Predicate, err)
	}
	return nil
}

// Deps are what a manager is given. It closes none of them.
type Deps struct {
	Cluster *cluster.Cluster
	Logger  *slog.Logger
	Meter   metric.Meter
}
