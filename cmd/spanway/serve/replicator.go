package serve

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/services/replicator"
)

func serveReplicator(a *cli.App) *cobra.Command {
	cfg := replicator.DefaultConfig()
	memory := cfg.Memory >> 20
	var watched observation
	c := &cobra.Command{
		Use:   "replicator",
		Short: "Run a replicator, which copies what links say; several share the copies",
		Long: `Run a replicator of a site: it copies topics of other clusters into its own, as
the site's links say. The clusters that links may name as sources are those of the
configuration file (--config), with their credentials.`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Prefix, cfg.Site, cfg.Memory = a.Prefix, a.Site, memory<<20
			if err := cfg.Validate(); err != nil {
				return cli.Misuse(err)
			}
			sources, err := a.Clusters()
			if err != nil {
				return cli.Misuse(err)
			}
			return watched.run(cmd.Context(), a, "replicator", func(ctx context.Context, tel *telemetry.Telemetry, log *slog.Logger) error {
				c, err := a.Cluster("replicator", log)
				if err != nil {
					return err
				}
				defer c.Close()
				deps := replicator.Deps{Cluster: c, Sources: map[string]*cluster.Cluster{}, Logger: log}
				for name, config := range sources {
					config.ClientID, config.Logger = "spanway-replicator", log
					source, err := cluster.Open(config)
					if err != nil {
						return cli.Misuse(err)
					}
					defer source.Close()
					deps.Sources[name] = source
				}
				return run.Replicator(ctx, cfg, deps, tel)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.Instance, "instance", cli.Instance(), "name of this process, which tells it from the site's other replicators")
	f.Int64Var(&memory, "memory", memory, "MiB of records that all copies hold together, and 2 for each link")
	f.DurationVar(&cfg.Follow, "follow-interval", cfg.Follow, "how often settings of topics and deletions at sources are followed")
	f.Int64Var(&cfg.Audit, "audit-rate", cfg.Audit, "records a second, of both sides, that are read to compare what is copied with its source; 0: none")
	f.IntVar(&cfg.Snapshots.AtOnce, "snapshots", cfg.Snapshots.AtOnce, "partitions that are copied at once from their beginning, over all replicators of the site")
	f.DurationVar(&cfg.Snapshots.Deadline, "snapshot-deadline", cfg.Snapshots.Deadline, "how long a partition may have a place among --snapshots until it gives it up, and pauses")
	f.DurationVar(&cfg.Snapshots.Idle, "snapshot-idle", cfg.Snapshots.Idle, "how long a partition may have a place among --snapshots without progress until it gives it up, and pauses")
	f.IntVar(&cfg.Snapshots.Retries, "snapshot-retries", cfg.Snapshots.Retries, "how often in a row a partition may give its place among --snapshots up until it is failed")
	f.BoolVar(&cfg.JSON, "json", false, "write events as JSON instead of protobuf")
	f.DurationVar(&cfg.Logs.Interval, "snapshot-interval", logowner.DefaultInterval, "a snapshot of the links after this long, if anything was appended")
	f.DurationVar(&cfg.Logs.History, "history", logowner.DefaultHistory, "how long changes of links stay in their log behind snapshots; below 0: for ever")
	cli.Names(f, "instance")
	cli.AtLeast(f, 8, "memory")
	cli.AtLeast(f, 0, "audit-rate")
	cli.AtLeast(f, 1, "snapshots", "snapshot-retries")
	cli.Lasting(f, replicator.LeastIdle, false, "snapshot-idle")
	cli.Lasting(f, time.Second, false, "snapshot-deadline")
	cli.Lasting(f, 10*time.Millisecond, false, "follow-interval")
	cli.Lasting(f, 0, false, "snapshot-interval")
	cli.Variables(f, "instance", "memory", "follow-interval", "audit-rate", "snapshots", "snapshot-deadline", "snapshot-idle", "snapshot-retries", "json", "snapshot-interval", "history")
	watched.flags(c)
	return c
}
