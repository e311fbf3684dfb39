package task

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

func cancel(a *cli.App) *cobra.Command {
	var pool, reason string
	var filter events.TaskFilter
	var all, dryRun bool
	c := &cobra.Command{
		Use:   "cancel ID... | --all | --kind KIND",
		Short: "Cancel tasks by their IDs, or all of a pool that match",
		RunE: func(cmd *cobra.Command, ids []string) error {
			many := all || filter.Kind != "" || filter.Tenant != "" || filter.IdPrefix != "" || filter.PendingOnly
			if many == (len(ids) > 0) {
				return cli.Usage("give either task IDs or what to match: --all, --kind, --tenant, --id-prefix, --pending")
			}
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				defer a.Hint()()
				switch {
				case many && dryRun:
					return wouldCancel(ctx, a, c, events.Pool(pool), &filter)
				case many:
					n, err := c.CancelMany(ctx, events.Pool(pool), &filter, reason)
					if err != nil {
						return err
					}
					return a.Said(map[string]any{"matched": n}, "%s being cancelled", render.Count(n, "task is", "tasks are"))
				case dryRun:
					return cli.Usage("--dry-run shows what a filter matches; IDs are what they are")
				}
				return cli.Each(ids, func(id string) error {
					if err := c.Cancel(ctx, events.Pool(pool), events.TaskID(id), reason); err != nil {
						return err
					}
					return a.Said(map[string]any{"id": id, "state": client.Cancelled}, "task %s cancelled", id)
				})
			})
		},
	}
	f := c.Flags()
	f.StringVar(&pool, "pool", "", "their pool (default \"default\")")
	f.StringVar(&reason, "reason", "", "why; kept with the task")
	f.BoolVar(&all, "all", false, "every unfinished task of the pool")
	f.StringVarP(&filter.Kind, "kind", "k", "", "of this kind")
	f.StringVar(&filter.Tenant, "tenant", "", "of this tenant")
	f.StringVar(&filter.IdPrefix, "id-prefix", "", "whose ID begins so")
	f.BoolVar(&filter.PendingOnly, "pending", false, "that wait for an engine")
	f.BoolVar(&dryRun, "dry-run", false, "only say how many match")
	return c
}

// wouldCancel counts what a filter matches now.
func wouldCancel(ctx context.Context, a *cli.App, c *cli.Conn, pool events.Pool, filter *events.TaskFilter) error {
	if pool == "" {
		pool = events.DefaultPool
	}
	listings, err := c.Tasks(ctx, query.TaskQuery{
		Pool: pool, States: []client.State{client.Pending, client.Assigned, client.Running}, Filter: filter,
		Limit: 1, // Only their number is asked for.
	})
	if err != nil {
		return err
	}
	n := 0
	for _, l := range listings {
		n += len(l.Tasks) + l.More
	}
	return a.Said(map[string]any{"matched": n}, "%s be cancelled", render.Count(int64(n), "task would", "tasks would"))
}

func retry(a *cli.App) *cobra.Command {
	var pool string
	var wait bool
	c := &cobra.Command{
		Use:   "retry ID...",
		Short: "Submit ended tasks again, each as a new task ID.r1, ID.r2, ...",
		Args:  cli.Some("task ID"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				defer a.Hint()()
				return cli.Each(ids, func(id string) error {
					began := time.Now()
					next, err := c.Retry(ctx, events.Pool(pool), events.TaskID(id))
					if err != nil {
						return err
					}
					if !wait {
						return a.Said(map[string]any{"id": next, "replay_of": id}, "%s", next)
					}
					result, err := c.Wait(ctx, events.Pool(pool), next)
					if !result.State.Ended() {
						return left(a, client.Result{ID: next}, &client.Unfinished{Task: next, Err: err})
					}
					return printEnd(a, result, again{}, time.Since(began), err)
				})
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "their pool (default \"default\")")
	c.Flags().BoolVar(&wait, "wait", false, "wait for their end; exit 4 if it is not a success")
	return c
}

var errEnded = errors.New("the task has ended")

func watch(a *cli.App) *cobra.Command {
	var pool string
	var raw bool
	c := &cobra.Command{
		Use:   "watch [ID]",
		Short: "Print what happens to tasks as it happens; to one: from its beginning to its end",
		Long: `Print what happens to tasks as it happens. One task is watched from its
beginning to its end, and exit code 4 tells that it was no success. What a
command (kind exec) writes is printed as it comes, its standard output and error
each to that of this program; with --raw nothing else is, and of a task of
another kind its result. With -o json each event is one object; progress that is
text stands in "text", too.`,
		Args: cli.AtMostOne("task ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if raw && len(args) == 0 {
				return cli.Usage("--raw is of one task: give its ID, as in: spanway task watch ID --raw")
			}
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				if len(args) == 1 {
					return watchTask(ctx, a, c, events.Pool(pool), events.TaskID(args[0]), raw)
				}
				err := c.Watch(ctx, client.WatchConfig{Pool: events.Pool(pool), Began: a.Watching, Rewound: a.Rewound}, func(e client.Event) error {
					if client.TaskOf(e.Message) == "" {
						return nil
					}
					return a.PrintEvent(e, string(client.TaskOf(e.Message)))
				})
				return cmp.Or(err, ctx.Err())
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "only this pool (default all)")
	c.Flags().BoolVar(&raw, "raw", false, "print only what the task writes")
	return c
}
