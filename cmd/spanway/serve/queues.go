package serve

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/pkg/queue"
)

func serveQueues(a *cli.App) *cobra.Command {
	o := queue.Options{}
	var watched observation
	c := &cobra.Command{
		Use:   "queues",
		Short: "Keep every queue: end leases, write snapshots, truncate; several share the queues",
		Long: `Keep every queue under the prefix, those that come later, too: the lease of a
claim ends, snapshots are written and logs are truncated also where only commands
or programs that come and go use a queue. Programs that hold a queue open for long
do the same for it. It holds about 120 bytes an entry, and no payloads.`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Prefix, o.Source = a.Prefix, "/spanway/"+a.Site+"/queues"
			return watched.run(cmd.Context(), a, "queues", func(ctx context.Context, tel *telemetry.Telemetry, log *slog.Logger) error {
				c, err := a.Cluster("queues", log)
				if err != nil {
					return err
				}
				defer c.Close()
				o.Logger = log
				return run.Queues(ctx, c, o, tel)
			})
		},
	}
	f := c.Flags()
	f.BoolVar(&o.JSON, "json", false, "write events as JSON instead of protobuf")
	f.DurationVar(&o.Snapshots.Interval, "snapshot-interval", logowner.DefaultInterval, "a snapshot after this long, if anything was appended")
	f.DurationVar(&o.Snapshots.History, "history", logowner.DefaultHistory, "how long events stay in the log behind snapshots; below 0: for ever")
	cli.Variables(f, "json", "snapshot-interval", "history")
	cli.Lasting(f, 0, false, "snapshot-interval")
	watched.flags(c)
	return c
}
