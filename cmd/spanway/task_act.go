package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

func (a *app) taskCancel() *cobra.Command {
	var pool, reason string
	var filter events.TaskFilter
	var all, dryRun bool
	c := &cobra.Command{
		Use:   "cancel ID... | --all | --kind KIND",
		Short: "Cancel tasks by their IDs, or all of a pool that match",
		RunE: func(cmd *cobra.Command, ids []string) error {
			many := all || filter.Kind != "" || filter.Tenant != "" || filter.IdPrefix != "" || filter.PendingOnly
			if many == (len(ids) > 0) {
				return usage("give either task IDs or what to match: --all, --kind, --tenant, --id-prefix, --pending")
			}
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				defer a.hint()()
				switch {
				case many && dryRun:
					return a.wouldCancel(ctx, c, events.Pool(pool), &filter)
				case many:
					n, err := c.CancelMany(ctx, events.Pool(pool), &filter, reason)
					if err != nil {
						return err
					}
					return a.said(map[string]any{"matched": n}, "%s being cancelled", count(n, "task is", "tasks are"))
				case dryRun:
					return usage("--dry-run shows what a filter matches; IDs are what they are")
				}
				return each(ids, func(id string) error {
					if err := c.Cancel(ctx, events.Pool(pool), events.TaskID(id), reason); err != nil {
						return err
					}
					return a.said(map[string]any{"id": id, "state": client.Cancelled}, "task %s cancelled", id)
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
func (a *app) wouldCancel(ctx context.Context, c *conn, pool events.Pool, filter *events.TaskFilter) error {
	if pool == "" {
		pool = events.DefaultPool
	}
	listings, err := c.Tasks(ctx, query.TaskQuery{Pool: pool, States: []client.State{client.Pending, client.Assigned, client.Running}})
	if err != nil {
		return err
	}
	n := 0
	for _, l := range listings {
		for _, s := range l.Tasks {
			n += b2i(query.Matches(filter, s))
		}
	}
	return a.said(map[string]any{"matched": n}, "%s be cancelled", count(int64(n), "task would", "tasks would"))
}

func (a *app) taskRetry() *cobra.Command {
	var pool string
	var wait bool
	c := &cobra.Command{
		Use:   "retry ID...",
		Short: "Submit ended tasks again, each as a new task ID.r1, ID.r2, ...",
		Args:  some("task ID"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				defer a.hint()()
				return each(ids, func(id string) error {
					began := time.Now()
					again, err := c.Retry(ctx, events.Pool(pool), events.TaskID(id))
					if err != nil {
						return err
					}
					if !wait {
						return a.said(map[string]any{"id": again, "replay_of": id}, "%s", again)
					}
					result, err := c.Wait(ctx, events.Pool(pool), again)
					if !result.State.Ended() {
						return err
					}
					return a.printEnd(result, time.Since(began), err)
				})
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "their pool (default \"default\")")
	c.Flags().BoolVar(&wait, "wait", false, "wait for their end; exit 4 if it is not a success")
	return c
}

// hint tells a person who waits for long why that may be. It ends with stop.
func (a *app) hint() (stop func()) {
	t := time.AfterFunc(5*time.Second, func() {
		fmt.Fprintln(a.err, "still waiting: the command is durable, but nothing has answered it yet; does a scheduler run? (spanway serve scheduler)")
	})
	return func() { t.Stop() }
}

// each does something with every name, also after one failed.
func each(names []string, do func(string) error) error {
	var all error
	for _, name := range names {
		all = errors.Join(all, do(name))
	}
	return all
}

// said prints what a command did: as one object, or as a sentence.
func (a *app) said(object map[string]any, format string, args ...any) error {
	if a.json() {
		return a.object(object)
	}
	_, err := fmt.Fprintf(a.out, format+"\n", args...)
	return err
}

var errEnded = errors.New("the task has ended")

func (a *app) taskWatch() *cobra.Command {
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
		Args: atMostOne("task ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if raw && len(args) == 0 {
				return usage("--raw is of one task: give its ID, as in: spanway task watch ID --raw")
			}
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				if len(args) == 1 {
					return a.watchTask(ctx, c, events.Pool(pool), events.TaskID(args[0]), raw)
				}
				return c.Watch(ctx, client.WatchConfig{Pool: events.Pool(pool), Began: a.watching}, func(e client.Event) error {
					if client.TaskOf(e.Message) == "" {
						return nil
					}
					return a.printEvent(e, string(client.TaskOf(e.Message)))
				})
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "only this pool (default all)")
	c.Flags().BoolVar(&raw, "raw", false, "print only what the task writes")
	return c
}

// watching tells a person that nothing will be missed from now on.
func (a *app) watching() {
	if terminal(a.err) {
		fmt.Fprintln(a.err, "watching; stop with Ctrl-C")
	}
}

func (a *app) printEvent(e client.Event, about string) error {
	if a.json() {
		return a.object(viewEvent(e))
	}
	_, err := fmt.Fprintf(a.out, "%-36s  %s\n", about, eventLine(e))
	return err
}
