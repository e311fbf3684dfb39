package pool

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
)

func replace(a *cli.App) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "replace POOL...",
		Short: "Give pools up: their tasks are placed at another site",
		Long: `Tell the scheduler of this site that the tasks of pools are placed at another site, which has
taken them over (spanway pool promote). It places nothing of them any more, and refuses commands
for their tasks and settings with REPLACED. Tasks that engines run here run on; how they end has
no effect at the other site.

Run it as soon as a site is back that was lost: until then its scheduler goes on, and tasks run
at both sites. It may be repeated. To go back, mirror the log of the other site to this one, and
promote the pools here.`,
		Example: `  spanway --site ams pool replace default --reason 'it goes on at fra'`,
		Args:    cli.Some("name of a pool"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				defer a.Hint()()
				for _, name := range args {
					if err := c.ReplacePool(ctx, events.Pool(name), reason); err != nil {
						return err
					}
					if err := a.Said(map[string]any{"pool": name, "replaced": true}, "pool %s: its tasks are placed at another site", name); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for people")
	cli.Names(c.Flags(), "reason")
	return c
}
