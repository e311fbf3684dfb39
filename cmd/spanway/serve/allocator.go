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
			if tls.On() {
				redis.TLS = tls.Config
			}
			if err := redis.Validate(); err != nil {
				return cli.Misuse(err)
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
	f.StringSliceVar(&redis.Addrs, "redis", []string{"127.0.0.1:26379"}, "addresses of Redis, host:port: one server, nodes of a cluster, or Sentinels")
	f.StringVar(&redis.Master, "redis-master", "", "name of the master at the Sentinels")
	f.BoolVar(&redis.Cluster, "redis-cluster", false, "a single address is of a Redis Cluster")
	f.IntVar(&redis.Database, "redis-database", 0, "number of the database; 0 in a cluster")
	f.StringVar(&redis.Username, "redis-username", "", "ACL user")
	f.StringVar(&redis.PasswordFile, "redis-password-file", "", "file with the password, which is read again for every new connection")
	f.BoolVar(&tls.Enabled, "redis-tls", false, "connect over TLS; the other --redis-tls flags turn it on, too")
	f.StringVar(&tls.CAFile, "redis-tls-ca", "", "file with the CAs that signed the certificates of Redis, in PEM; the system's if none")
	f.StringVar(&tls.CertFile, "redis-tls-cert", "", "file with the client certificate, in PEM")
	f.StringVar(&tls.KeyFile, "redis-tls-key", "", "file with the key of the client certificate, in PEM")
	f.StringVar(&tls.ServerName, "redis-tls-server-name", "", "name that the certificates of Redis must be for; the host if none")
	f.IntVar(&cfg.InFlight, "in-flight", cfg.InFlight, "requests of one partition that are handled at once")
	f.DurationVar(&cfg.Reconcile, "reconcile-interval", cfg.Reconcile, "how often what Redis holds is compared with the log")
	f.DurationVar(&cfg.Patience, "patience", cfg.Patience, "how long a request waits for Redis before it is refused")
	f.BoolVar(&cfg.JSON, "json", false, "write events as JSON instead of protobuf")
	f.DurationVar(&cfg.Logs.Interval, "snapshot-interval", logowner.DefaultInterval, "a snapshot after this long, if anything was appended")
	f.DurationVar(&cfg.Logs.History, "history", logowner.DefaultHistory, "how long events stay in the log behind snapshots; below 0: for ever")
	cli.Variables(f, "redis", "redis-master", "redis-cluster", "redis-database", "redis-username", "redis-password-file",
		"redis-tls", "redis-tls-ca", "redis-tls-cert", "redis-tls-key", "redis-tls-server-name",
		"in-flight", "reconcile-interval", "patience", "json", "snapshot-interval", "history")
	cli.Checked(f, "redis", cli.CheckAddress)
	cli.AtLeast(f, 0, "redis-database")
	cli.AtLeast(f, 1, "in-flight")
	cli.Lasting(f, time.Millisecond, false, "reconcile-interval", "patience")
	cli.Lasting(f, 0, false, "snapshot-interval")
	watched.flags(c)
	return c
}
