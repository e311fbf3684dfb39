package serve

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/telemetry"
)

// Dev is the command dev.
func Dev(a *cli.App) *cobra.Command {
	cfg := run.Config{}
	var watched observation
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run everything in this process on an embedded broker",
		Long: `Run a broker, a Redis, a scheduler, an allocator and an engine in this process,
and keep every queue: the lease of a claim ends also if only commands use the queue.
When all are ready one line of JSON on stdout says where; logs go to stderr. Without --data
everything is gone at the end; with it, what was acknowledged survives also
the process's sudden death.

With --sites each of several sites has a broker, a scheduler and engines of its
own: a cluster that shares nothing with the others, and a replicator, which copies
from the others what the site's links name (spanway link apply). They are contexts of the
configuration file config.yaml in --data, or of a temporary one that the log on
stderr names: set SPANWAY_CONFIG to it, and --site chooses where a command goes.`,
		Args: cli.None,
		Example: `  spanway dev --data /tmp/spanway
  spanway dev --sites ams,fra --data /tmp/sites
  spanway task list --config /tmp/sites/config.yaml --site fra`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkSites(cmd, cfg); err != nil {
				return err
			}
			if cmd.Flags().Changed("port") && !cmd.Flags().Changed("redis-port") {
				cfg.RedisPort = 0 // So that several fit beside each other.
			}
			return watched.run(cmd.Context(), a, "dev", func(ctx context.Context, tel *telemetry.Telemetry, log *slog.Logger) error {
				cfg.Site, cfg.Prefix, cfg.Logger, cfg.Telemetry = a.Site, a.Prefix, log, tel
				system, err := run.Start(ctx, cfg)
				switch {
				case ctx.Err() != nil && system == nil:
					return nil // It was told to stop before it was ready.
				case err != nil:
					return err
				}
				defer system.Stop()
				if len(cfg.Sites) > 0 {
					forget, err := nameSites(cfg.DataDir, system.Sites(), log)
					if err != nil {
						return err
					}
					defer forget()
				}
				sites := system.Sites()
				err = a.Object(struct {
					Sites []run.Site `json:"sites"`
					// Redis is that of the first site.
					Redis string `json:"redis"`
				}{sites, sites[0].Redis})
				if err != nil {
					return err
				}
				select {
				case err = <-system.Failed():
				case <-ctx.Done():
				}
				return err
			})
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.DataDir, "data", "", "directory that keeps the data (default in memory)")
	f.IntVar(&cfg.Port, "port", 29092, "port of the broker on 127.0.0.1, the other sites take the ones after it; 0 for free ones")
	f.IntVar(&cfg.RedisPort, "redis-port", 26379, "port of the Redis on 127.0.0.1, as --port; any free one if --port is given")
	f.IntVar(&cfg.Engines, "engines", 1, "how many engines to include, at each site")
	f.StringSliceVar(&cfg.Sites, "sites", nil, "names of several sites, as in ams,fra, the first one global; each has a directory of its name in --data")
	f.BoolVar(&cfg.JSON, "json", false, "write events and reports as JSON instead of protobuf")
	cli.Variables(f, "json")
	watched.flags(c)
	return c
}

// observation is how a service is watched from outside.
type observation struct{ http, logFormat, logLevel string }

func (o *observation) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.http, "http", "127.0.0.1:0", "address that serves /metrics, /livez and /readyz")
	f.StringVar(&o.logFormat, "log-format", "text", "text or json")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	cli.Choices(f, "log-format", "text", "json")
	cli.Choices(f, "log-level", "debug", "info", "warn", "error")
	cli.Checked(f, "http", cli.CheckAddress)
	cli.Variables(f, "http", "log-format", "log-level")
}

// run sets logs, metrics and probes up around a service.
func (o *observation) run(ctx context.Context, a *cli.App, name string, service func(context.Context, *telemetry.Telemetry, *slog.Logger) error) error {
	log, err := telemetry.Logger(a.Err, o.logFormat, o.logLevel)
	if err != nil {
		return cli.Misuse(err)
	}
	telemetry.LogErrors(log)
	tel, err := telemetry.Start(name)
	if err != nil {
		return err
	}
	defer tel.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // The process ends; there is nobody left to measure for.
	if o.http != "" {
		addr, stop, err := tel.Serve(o.http)
		if err != nil {
			return err
		}
		defer stop()
		log.Info("serving metrics and probes", "address", addr)
	}
	return service(ctx, tel, log)
}
