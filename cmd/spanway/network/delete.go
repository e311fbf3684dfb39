package network

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
)

// remaining is delete, a word of the language.
func remaining(a *cli.App) *cobra.Command {
	do := &applying{}
	var with bool
	c := &cobra.Command{
		Use:   "delete (-f FILE | PATH...)",
		Short: "Delete objects: all that are named, or nothing",
		Long: `Delete objects, by their paths or by those in files. What others refer to is not
deleted, unless they are, too. --recursive deletes all that is in a network with it.`,
		Example: `  spanway network delete /networks/shop/segments/web
  spanway network delete /networks/shop --recursive --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return told(a, do.remove(cmd, a, args, with))
		},
	}
	f := c.Flags()
	f.StringArrayVarP(&do.files, "filename", "f", nil, "file or directory with objects; - for standard input; may be repeated")
	f.BoolVarP(&with, "recursive", "r", false, "with all that is in the networks that are named")
	do.carrying(c)
	return c
}

// remove deletes objects.
func (do *applying) remove(cmd *cobra.Command, a *cli.App, args []string, with bool) error {
	if (len(do.files) > 0) == (len(args) > 0) {
		return cli.Usage("give -f FILE, or the paths of objects")
	}
	what := "delete " + strings.Join(args, ", ")
	if len(args) == 0 {
		what = "delete " + named(do.files)
		files, err := read(cmd, a, do.files)
		if err != nil {
			return err
		}
		if len(files.mistakes) > 0 {
			return &refused{what: what, mistakes: files.mistakes}
		}
		for _, d := range files.all {
			args = append(args, d.Path)
		}
	}
	return do.changing(cmd.Context(), a, what, func(_ context.Context, _ *query.Querier, n *query.Networks) (*plan, []mistake, error) {
		p, wrong := deleting(n, args, with)
		return p, wrong, nil
	})
}

// deleting is the plan to delete objects by their paths.
func deleting(n *query.Networks, paths []string, with bool) (p *plan, wrong []mistake) {
	p = &plan{request: &events.NetworkChangeRequested{}}
	state := n.Core.State()
	gone := map[model.Path]bool{}
	for _, path := range paths {
		if o, ok := state.Object(model.Path(path)); ok && !gone[o.Path] {
			gone[o.Path] = true
			p.delete(o)
		} else if !ok {
			wrong = append(wrong, mistake{Path: path, Code: events.CodeUnknownObject, Text: "it is not there as of " + n.AsOf.String()})
		}
	}
	for _, o := range state.Objects() {
		if with && gone[o.Path.Network()] && !gone[o.Path] {
			p.delete(o)
		}
	}
	if len(wrong) == 0 {
		wrong = p.check(n)
	}
	return p, wrong
}

func compare(a *cli.App) *cobra.Command {
	do := &applying{}
	var from, to moment
	c := &cobra.Command{
		Use:   "diff (-f FILE | --at MOMENT [--to MOMENT] [PATH...])",
		Short: "Compare files with what is declared, or two moments, field by field",
		Long: `Compare files with what is declared, field by field: what apply with the same flags
would change. What is refused is told as by apply. Nothing is changed.

--at compares what was declared at a moment with what is now, or was at the moment of --to: of
all objects, or of those of PATHs, networks with what is in them. It is read from the log.`,
		Example: `  spanway network diff -f shop.yaml
  spanway network diff --at change/7 --to 10m /networks/shop`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if from.text == "" {
				if len(args) > 0 || to.text != "" {
					return cli.Usage("--to and PATHs belong to --at: spanway network diff --at change/7 --to 10m /networks/shop")
				}
				return told(a, do.compare(cmd, a))
			}
			if len(do.files) > 0 || do.prune || cmd.Flags().Changed("revision") {
				return cli.Usage("--at compares two moments, and takes no files: leave out -f, --prune and --revision, or --at")
			}
			for _, err := range append([]error{from.check(), to.check()}, eachPath(args)...) {
				if err != nil {
					return err
				}
			}
			return between(cmd.Context(), a, &from, &to, args)
		},
	}
	do.flags(c)
	from.of(c, "at", "compare with what was declared then")
	to.of(c, "to", "with --at: and not with now, but with then")
	return c
}

func (do *applying) compare(cmd *cobra.Command, a *cli.App) error {
	what := "compare " + named(do.files)
	planned, err := do.ofFiles(cmd, a)
	if err != nil {
		return err
	}
	return withPlan(cmd.Context(), a, what, planned, func(_ context.Context, _ *cluster.Cluster, _ *query.Querier, n *query.Networks, p *plan) error {
		return printDiffs(a, n, p.diffs)
	})
}

func printDiffs(a *cli.App, n *query.Networks, diffs []diff) error {
	diffs = slices.DeleteFunc(diffs, func(d diff) bool { return d.Change == unchanged })
	for _, d := range diffs {
		err := error(nil)
		if a.JSON() {
			err = a.Object(d)
		} else {
			err = d.print(a, true)
		}
		if err != nil {
			return err
		}
	}
	if a.JSON() {
		return nil
	}
	return a.Printf("%s as of %s\n", render.Count(len(diffs), "difference", "differences"), n.AsOf)
}

func withdraw(a *cli.App) *cobra.Command {
	var reason string
	w := &waiting{}
	c := &cobra.Command{
		Use:   "withdraw CHANGE",
		Short: "Put back what a change has replaced",
		Long: `Put back what a change has replaced, by a change of its own. Sites that have not
applied the one that is withdrawn pass it over; the others get what was before. It is
refused where what it has changed was changed again: withdraw that first.`,
		Example: `  spanway network withdraw 7 --reason 'the wrong site'`,
		Args:    cli.One("number of a change"),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := changeNumber(args[0])
			if err != nil {
				return err
			}
			return asked(cmd.Context(), a, func(ctx context.Context, at *cluster.Cluster, q *query.Querier) error {
				c, err := asking(a, at)
				if err != nil {
					return err
				}
				done, err := c.Withdraw(ctx, number, reason)
				if err != nil {
					return err
				}
				if err := a.Said(map[string]any{"change": done.Change, "withdraws": number}, "change %d withdraws change %d: %s put back, %d deleted", done.Change, number, render.Count(len(done.Objects), "object", "objects"), len(done.Deletes)); err != nil {
					return err
				}
				return w.wait(ctx, a, q, done)
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for people")
	cli.Names(c.Flags(), "reason")
	w.flags(c)
	return c
}
