package queue

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/queue"
)

func trim(a *cli.App) *cobra.Command {
	var through uint64
	var reason string
	c := &cobra.Command{
		Use:   "trim NAME --through N",
		Short: "Take out all entries of a sequence up to a number",
		Long: `Take out every entry whose number is N or below, in one record, claimed or not, of a
queue with --ids sequence. The numbers up to N are used from then on, also those that
were never put in: the next one is N+1, or the one behind the last if that is higher.
Up to a number that was trimmed before nothing changes.`,
		Example: `  spanway queue trim site.ams --through 1840 --reason 'full sync'`,
		Args:    cli.One("name of a queue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if through < 1 {
				return cli.Usage("give the number up to which entries are to be taken out: --through N, 1 or more")
			}
			return opened(cmd.Context(), a, args[0], func(ctx context.Context, q *queue.Queue) error {
				if err := q.Trim(ctx, through, reason); err != nil {
					return err
				}
				return a.Said(map[string]any{"queue": args[0], "trimmed_through": through}, "queue %s is trimmed through %d", args[0], through)
			})
		},
	}
	c.Flags().Uint64Var(&through, "through", 0, "the number, 1 or more")
	c.Flags().StringVar(&reason, "reason", "", "why, for people")
	return c
}
