package serve

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/pkg/predicate"
	"github.com/spanway/spanway/services/manager"
)

// The roles of a manager.
const (
	global = "global"
	local  = "local"
)

func serveManager(a *cli.App) *cobra.Command {
	m := managing{local: manager.DefaultLocalConfig(), global: manager.DefaultGlobalConfig()}
	var watched observation
	c := &cobra.Command{
		Use:   "manager --role global|local",
		Short: "Run a manager of logical networks; several of a role take over from each other",
		Long: `Run a manager of logical networks (spanway network). There is one global manager, at
one site: it decides changes, and sends each site what concerns it. The clusters of
the sites are those of the configuration file (--config), by the names of the sites; that
of its own site is its own, if the file does not name it. At
each site there is a local manager, which realises what it is sent by tasks of the
site's scheduler. --site names the site, as spanway site add does.

Several processes of a role, at one site, are for fail-over: one works, and another goes
on when that ends.`,
		Args: cli.None,
		Example: `  spanway serve manager --role global --site ams --config sites.yaml
  spanway serve manager --role local --site fra --config sites.yaml
  spanway serve manager --role local --site fra --predicate 'engine.labels.role == "edge"'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := m.check(cmd.Flags(), a); err != nil {
				return err
			}
			sites, err := a.Clusters()
			if err != nil {
				return cli.Misuse(err)
			}
			return watched.run(cmd.Context(), a, m.role+"-manager", func(ctx context.Context, tel *telemetry.Telemetry, log *slog.Logger) error {
				c, err := a.Cluster(m.role+"-manager", log)
				if err != nil {
					return err
				}
				defer c.Close()
				deps := manager.Deps{Cluster: c, Logger: log}
				if m.role == local {
					return run.LocalManager(ctx, m.local, deps, tel)
				}
				return run.GlobalManager(ctx, m.global, deps, run.Delivering{
					Connect: connect(withOwn(sites, a.Site, a.Target.Cluster), log), PerSecond: float64(m.rate), Patience: m.patience,
				}, tel)
			})
		},
	}
	m.flags(c.Flags())
	watched.flags(c)
	return c
}

// managing is what the flags say.
type managing struct {
	role      string
	local     manager.LocalConfig
	global    manager.GlobalConfig
	instance  string
	pool      string
	json      bool
	snapshots logowner.Snapshots
	rate      int
	patience  time.Duration
}

// ofRole are the flags that only one role has.
var ofRole = map[string]string{"pool": local, "kind": local, "predicate": local, "rate": global, "patience": global}

func (m *managing) flags(f *pflag.FlagSet) {
	f.StringVar(&m.role, "role", "", "global or local")
	f.StringVar(&m.instance, "instance", cli.Instance(), "name of this process, for people")
	f.StringVar(&m.pool, "pool", string(m.local.Pool), "of --role local: pool of the tasks that realise")
	f.StringVar(&m.local.Kind, "kind", m.local.Kind, "of --role local: kind of the tasks that realise")
	f.StringVar(&m.local.Predicate, "predicate", m.local.Predicate, "of --role local: which engines realise")
	f.IntVar(&m.rate, "rate", 0, "of --role global: entries a second that a site is sent at most; 0: any")
	f.DurationVar(&m.patience, "patience", 15*time.Second, "of --role global: how long a site may take to apply what it was sent until that is sent again")
	f.BoolVar(&m.json, "json", false, "write events as JSON instead of protobuf")
	f.DurationVar(&m.snapshots.Interval, "snapshot-interval", logowner.DefaultInterval, "a snapshot after this long, if anything was appended")
	f.DurationVar(&m.snapshots.History, "history", logowner.DefaultHistory, "how long events stay in the log behind snapshots; below 0: for ever")
	cli.Choices(f, "role", global, local)
	cli.Names(f, "instance", "pool", "kind")
	cli.AtLeast(f, 0, "rate")
	cli.Checked(f, "predicate", func(text string) error {
		_, err := predicate.Compile(text)
		return err
	})
	cli.Lasting(f, time.Second, false, "patience")
	cli.Lasting(f, 0, false, "snapshot-interval")
	cli.Variables(f, "role", "instance", "pool", "kind", "predicate", "rate", "patience", "json", "snapshot-interval", "history")
}

// check completes the configurations, and refuses what is not of the role.
func (m *managing) check(f *pflag.FlagSet, a *cli.App) error {
	if m.role == "" {
		return cli.Usage("--role is missing: give global, or local")
	}
	for _, name := range slices.Sorted(maps.Keys(ofRole)) {
		if of := ofRole[name]; of != m.role && f.Changed(name) {
			return cli.Usage("--%s is of --role %s", name, of)
		}
	}
	m.local.Prefix, m.local.Site, m.local.Instance, m.local.JSON, m.local.Logs = a.Prefix, a.Site, m.instance, m.json, m.snapshots
	m.global.Prefix, m.global.Site, m.global.Instance, m.global.JSON, m.global.Logs = a.Prefix, a.Site, m.instance, m.json, m.snapshots
	m.local.Pool = events.Pool(m.pool)
	check := m.global.Validate
	if m.role == local {
		check = m.local.Validate
	}
	if err := check(); err != nil {
		return cli.Misuse(err)
	}
	return nil
}

// withOwn are the clusters of sites. That of the manager's own site is its own, unless the
// configuration file says otherwise: as with another user.
func withOwn(sites map[string]cluster.Config, site string, own cluster.Config) map[string]cluster.Config {
	all := map[string]cluster.Config{site: own}
	maps.Copy(all, sites)
	return all
}

// connect opens connections to the clusters of sites.
func connect(sites map[string]cluster.Config, log *slog.Logger) func(site string) (*cluster.Cluster, error) {
	return func(site string) (*cluster.Cluster, error) {
		config, there := sites[site]
		if !there {
			names := strings.Join(slices.Sorted(maps.Keys(sites)), ", ")
			return nil, fmt.Errorf("site %s is not among the clusters of the configuration file, which has: %s; add it, and start the global manager again", site, cmp.Or(names, "none"))
		}
		config.ClientID, config.Logger = "spanway-global-manager", log
		return cluster.Open(config)
	}
}
