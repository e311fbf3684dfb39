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
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

func serveAllocator(a *cli.App) *cobra.Command {
	cfg := allocator.DefaultConfig()
	var redis store.Config
	var tls cluster.TLS
	var watched observation
	c := &cobra.Command{
		Use:   "allocator",
		Short: "Run an allocator of identifiers; several share the requests, and may serve one space at once",
		Long: `Run an allocator of identifiers. Redis proposes ranges and the log decides about
them, so Redis may lose all it holds: no identifier is granted twice.`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Prefix, cfg.Site = a.Prefix, a.Site
			if err := cfg.Validate(); err != nil {
				return cli.Misuse(err)
			}
			if err := redisConfig(&redis, tls); err != nil {
				return err
			}
			return watched.run(cmd.Context(), a, "allocator", func(ctx context.Context, tel *telemetry.Telemetry, log *slog.Logger) error {
				c, err := a.Cluster("allocator", log)
				if err != nil {
					return err
				}
				defer c.Close()
				return run.Allocator(ctx, cfg, redis, allocator.Deps{Cluster: c, Logger: log}, tel)
			})
		},
	}
	f := c.Flags()
	redisFlags(f, &redis, &tls, "127.0.0.1:26379")
	f.IntVar(&cfg.InFlight, "in-flight", cfg.InFlight, "requests of one partition that are handled at once")
	f.DurationVar(&cfg.Reconcile, "reconcile-interval", cfg.Reconcile, "how often what Redis holds is compared with the log")
	f.DurationVar(&cfg.Patience, "patience", cfg.Patience, "how long a request waits for Redis before it is refused")
	f.BoolVar(&cfg.JSON, "json", false, "write events as JSON instead of protobuf")
	f.DurationVar(&cfg.Logs.Interval, "snapshot-interval", logowner.DefaultInterval, "a snapshot after this long, if anything was appended")
	f.DurationVar(&cfg.Logs.History, "history", logowner.DefaultHistory, "how long events stay in the log behind snapshots; below 0: for ever")
	cli.Variables(f, "in-flight", "reconcile-interval", "patience", "json", "snapshot-interval", "history")
	cli.AtLeast(f, 1, "in-flight")
	cli.Lasting(f, time.Millisecond, false, "reconcile-interval", "patience")
	cli.Lasting(f, 0, false, "snapshot-interval")
	watched.flags(c)
	return c
}
