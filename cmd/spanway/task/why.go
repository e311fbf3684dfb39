package task

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/events"
)

// explainedView is an explanation as -o json prints it.
type explainedView struct {
	query.Explanation
	AsOf query.Position `json:"as_of"`
}

func explained(x query.Explanation) explainedView {
	return explainedView{x, query.Position{Topic: x.Log, Partition: x.Partition, Offset: x.Offset}}
}

func why(a *cli.App) *cobra.Command {
	var pool string
	var when cli.Moment
	c := &cobra.Command{
		Use:   "why ID",
		Short: "Explain why a task waits, clause by clause; with -o json also engine by engine",
		Args:  cli.One("task ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := when.Parse()
			if err != nil {
				return err
			}
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				x, err := c.Why(ctx, events.Pool(pool), events.TaskID(args[0]), at)
				if err != nil {
					return err
				}
				if a.JSON() {
					return a.Object(explained(x))
				}
				return a.Printf("%s", render.Explanation(x, a.Coloured()))
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "its pool; without it all are searched")
	when.At(c)
	return c
}
