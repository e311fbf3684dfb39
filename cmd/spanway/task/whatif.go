package task

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

func whatIf(a *cli.App) *cobra.Command {
	var s submission
	var prefer string
	var limit int
	var when cli.Moment
	c := &cobra.Command{
		Use:   "what-if [flags]",
		Short: "Say which engines would take a task now, and why not the others; nothing is submitted",
		Long: `Say what would become of a task if it were submitted: which engines would take
it at once, and of each other one why not. It is the scheduler's own core that
answers, on the log as it is or, with --at, as it was. The exit code is 0 if some
engine would take it at once, and 1 with the reason if it would wait.`,
		Example: `  spanway task what-if -k resize --where 'engine.labels.gpu >= 1' --needs slots=2,memory_bytes=8Gi
  spanway task what-if -k resize --priority 9 --at 10m`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.prioritySet = cmd.Flags().Changed("priority")
			at, err := when.Parse()
			if err != nil {
				return err
			}
			r := &events.TaskRequested{TaskId: "what-if", Prefer: prefer}
			s.complete(r)
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				x, err := c.WhatIf(ctx, r, at)
				if err != nil {
					return err
				}
				if err := printWhatIf(a, x, limit); err != nil || x.Reason == "" {
					return err
				}
				return &client.Refused{Code: events.Code(x.Reason), Message: "no engine would take it now"}
			})
		},
	}
	f := c.Flags()
	f.StringVarP(&s.kind, "kind", "k", "", "what handler would run it; without it engines of any kind are looked at")
	f.StringVar(&s.pool, "pool", "", "its pool (default \"default\")")
	f.StringVar(&s.where, "where", "", "predicate in CEL over engine and task, such as 'engine.labels.gpu >= 1'")
	cli.Pairs(f, &s.needs, "needs", "what it would take of an engine, such as slots=1,memory_bytes=64Mi")
	f.StringVar(&prefer, "prefer", "", "score in CEL: of the engines that could take it, one with the highest would")
	f.Int32Var(&s.priority, "priority", 5, "0 to 9, 9 most urgent")
	f.StringVar(&s.tenant, "tenant", "", "on whose behalf")
	f.IntVar(&limit, "limit", 20, "list at most so many engines; 0 for all")
	when.At(c)
	return c
}

func printWhatIf(a *cli.App, x query.Explanation, limit int) error {
	if a.JSON() {
		return a.Object(explained(x))
	}
	verdict := a.Colour(render.Green, "would run now on "+x.Takes)
	if x.Reason != "" {
		verdict = a.Colour(render.Yellow, "would wait: "+string(x.Reason))
	}
	a.Printf("what if  %s  pool %s\n", verdict, x.Pool)
	if err := a.Printf("%s", render.Details(x, a.Coloured())); err != nil {
		return err
	}
	if len(x.Engines) > 0 {
		findings(a, x, limit)
	}
	a.AsOf(explained(x).AsOf.String())
	return nil
}

// findings lists the engines, those that would take the task first.
func findings(a *cli.App, x query.Explanation, limit int) {
	engines := slices.Clone(x.Engines)
	slices.SortStableFunc(engines, func(f, g query.Finding) int { return suits(g) - suits(f) })
	t := &cli.Table{Head: []string{"ENGINE", "RESULT", "SCORE", "WHY NOT"}}
	for i, f := range engines {
		if limit > 0 && i == limit {
			break
		}
		colour := ""
		if f.Result == query.FindFits {
			colour = render.Green
		}
		score := "-"
		if f.Score != nil {
			score = strconv.FormatFloat(*f.Score, 'g', 6, 64)
		}
		t.Add(cli.Plain(f.Engine), cli.Marked(f.Result, colour), cli.Plain(score), cli.Plain(whyNot(f)))
	}
	a.Table(t)
	if left := len(engines) - len(t.Rows); left > 0 {
		a.Printf("and %d more; see them with --limit 0\n", left)
	}
}

// suits orders engines by how close they are to taking the task.
func suits(f query.Finding) int {
	switch f.Result {
	case query.FindFits:
		return 2
	case query.FindCapacity:
		return 1
	}
	return 0
}

func whyNot(f query.Finding) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(f.Short)) {
		parts = append(parts, fmt.Sprintf("short by %s=%s", name, render.Amount(name, f.Short[name])))
	}
	if len(f.FalseClauses) > 0 {
		parts = append(parts, "not "+strings.Join(f.FalseClauses, ", not "))
	}
	if f.ScoreError != "" {
		parts = append(parts, "no score: "+f.ScoreError)
	}
	if f.Error != "" {
		parts = append(parts, f.Error)
	}
	return strings.Join(parts, "; ")
}
