package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/internal/verify/tasks"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

func (a *app) verifyCommand() *cobra.Command {
	var noneOpen bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check the guarantees from the log alone; exit 1 if one is broken",
		Long: `Read tasks.events from its beginning and check, asking no service and reading
no other topic, that
  G1  an accepted task ends in exactly one terminal event, and its payload was
      kept until then
  G2  at most one result of a task is accepted, under its growing token
  G3  at every moment the needs on an engine were within its capacity and the
      measured headroom, and tasks with a limit key within their limit
  G4  every assignment satisfied its predicate on the engine that it names, was
      accepted by the engine, came not before its time nor before the tasks that
      it waits for, and kept reservations
  G5  nothing stands in the log before the fold version that it needs
  G6  nothing that an older owner wrote counts after a newer claim

A log whose beginning was deleted is judged from where it begins; what can not be
judged for that is said. LOSS means that acknowledged records are gone: no owner
broke a guarantee, but what those records promised is not kept.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connected(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				report, err := judge(ctx, c, tasks.Options{NoneOpen: noneOpen})
				if err != nil {
					return err
				}
				if err := a.printReport(report); err != nil {
					return err
				}
				if !report.OK() {
					return &violations{report.Violations, report.Losses}
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&noneOpen, "none-open", false, "a task that has not ended is a violation too")
	return c
}

// judge feeds every partition to a judge of its own.
func judge(ctx context.Context, c *client.Client, opts tasks.Options) (*tasks.Report, error) {
	topic := c.Topics().Events()
	reports := make([]tasks.Report, events.PoolPartitions)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for i := range reports {
		group.Go(func() error {
			p := tasks.NewPartition(topic, int32(i), opts)
			err := c.Scan(ctx, topic, int32(i), func(r *events.Record) error {
				p.Feed(r)
				return nil
			})
			reports[i] = p.Report()
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("verify %s: %w", topic, err)
	}
	var sum tasks.Report
	for _, r := range reports {
		sum.Add(r)
	}
	return &sum, nil
}

func (a *app) printReport(r *tasks.Report) error {
	if a.json() {
		return a.object(r)
	}
	fmt.Fprintf(a.out, "%d records in %d partitions, %d count; %d claims\n", r.Records, r.Partitions, r.Counted, r.Claims)
	fmt.Fprintf(a.out, "%d tasks, %d open%s; %d assignments judged\n", r.Tasks, r.Open, tally(r.Terminal, "; "), r.Assignments)
	if len(r.Skipped) > 0 {
		fmt.Fprintf(a.out, "do not count%s\n", tally(r.Skipped, ": "))
	}
	if r.Unfinished > 0 {
		fmt.Fprintf(a.out, "%d records at the end belong to a batch that is not complete\n", r.Unfinished)
	}
	for _, p := range r.Partial {
		a.printPartial(p)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(a.out, "%s  %d@%d  %s %s\n", a.colour(red, f.Rule), f.Partition, f.Offset, strings.TrimSpace(f.Task+" "+f.Engine), f.Text)
	}
	switch {
	case r.OK():
		fmt.Fprintln(a.out, a.colour(green, "G1 G2 G3 G4 G6 hold"))
	case r.Violations == r.Losses:
		fmt.Fprintln(a.out, "G1 G2 G3 G4 G6 hold for what the log still has; what was lost is named above")
	}
	return nil
}

// printPartial says what could not be judged of a log without its beginning.
func (a *app) printPartial(p tasks.Partial) {
	if p.From < 0 {
		fmt.Fprintf(a.out, "partition %d begins at offset %d, and no batch in it stands where it was to: nothing of it can be judged\n",
			p.Partition, p.Begins)
		return
	}
	fmt.Fprintf(a.out, "partition %d begins at offset %d and is judged from %d on; %d tasks and %d engines are older, "+
		"so what they need and have is not known: %d assignments could not be judged in full\n",
		p.Partition, p.Begins, p.From, p.Tasks, p.Engines, p.Unjudged)
}

// tally is counts by name, in the order of the names.
func tally(m map[string]int64, before string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%d %s", m[name], name))
	}
	if len(out) == 0 {
		return ""
	}
	return before + strings.Join(out, ", ")
}
