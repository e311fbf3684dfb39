package serve

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/services/engine"
	"github.com/spanway/spanway/services/scheduler"
)

// Command is the command serve.
func Command(a *cli.App) *cobra.Command {
	return cli.Noun("serve", "Run one service against brokers", serveScheduler(a), serveEngine(a), serveAllocator(a), serveQueues(a), serveReplicator(a), serveManager(a))
}

func serveScheduler(a *cli.App) *cobra.Command {
	cfg := scheduler.DefaultConfig()
	var watched observation
	c := &cobra.Command{
		Use:   "scheduler",
		Short: "Run a scheduler; several share the partitions and take over from each other",
		Args:  cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Prefix, cfg.Site = a.Prefix, a.Site
			if err := cfg.Validate(); err != nil {
				return cli.Misuse(err)
			}
			return watched.run(cmd.Context(), a, "scheduler", func(ctx context.Context, tel *telemetry.Telemetry, log *slog.Logger) error {
				c, err := a.Cluster("scheduler", log)
				if err != nil {
					return err
				}
				defer c.Close()
				return run.Scheduler(ctx, cfg, scheduler.Deps{Cluster: c, Logger: log}, tel)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.Instance, "instance", cli.Instance(), "name of this process, for people")
	f.DurationVar(&cfg.EngineTTL, "engine-ttl", cfg.EngineTTL, "how long an engine may be silent; give engines the same")
	f.IntVar(&cfg.WaitingLimit, "waiting-limit", cfg.WaitingLimit, "waiting tasks of a pool beyond which requests are refused")
	f.BoolVar(&cfg.JSON, "json", false, "write events as JSON instead of protobuf")
	f.Int64Var(&cfg.Logs.SnapshotBytes, "snapshot-bytes", 0, "how much a log grows between snapshots; 0: 64 MiB")
	f.Int64Var(&cfg.Logs.SnapshotEvents, "snapshot-events", 0, "how many events a log grows by between snapshots; 0: no bound")
	f.DurationVar(&cfg.Logs.SnapshotInterval, "snapshot-interval", scheduler.DefaultSnapshotInterval, "a snapshot after this long, if anything was appended")
	f.DurationVar(&cfg.Logs.History, "history", scheduler.DefaultHistory, "how long events stay in the log behind snapshots; below 0: for ever")
	f.IntVar(&cfg.Logs.PayloadBytes, "payload-bytes", 0, "payloads of waiting tasks held in memory per partition; 0: 256 MiB")
	f.Uint32Var(&cfg.Logs.FoldVersion, "fold-version", 0, "raise logs to this fold version; 0: the newest. Keep it at the old one until all schedulers, and clients that read the log, are upgraded")
	cli.Names(f, "instance")
	cli.AtLeast(f, 1, "waiting-limit")
	cli.AtLeast(f, 0, "snapshot-bytes", "snapshot-events", "payload-bytes")
	cli.Lasting(f, time.Second, false, "engine-ttl")
	cli.Lasting(f, 0, false, "snapshot-interval")
	cli.Variables(f, "instance", "engine-ttl", "waiting-limit", "payload-bytes", "json", "snapshot-interval", "history")
	watched.flags(c)
	return c
}

// Guard does not return in a process that guards a command of an engine.
func Guard() { engine.MaybeGuard() }
