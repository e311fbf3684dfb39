package network

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/pkg/networks"
)

// applying is what apply is to do.
type applying struct {
	planning
	waiting
	files    []string
	selector string
	revision uint64
	prune    bool
	dryRun   bool
	deadline time.Duration
	reason   string
}

const aFile = `
  # shop.yaml
  path: /networks/shop
  span: {sites: [ams, fra]}
  network: {description: The shop}
  ---
  path: /networks/shop/segments/web
  segment: {cidr: 10.1.0.0/24}`

func apply(a *cli.App) *cobra.Command {
	do := &applying{}
	c := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Declare objects: all that the files say counts, or nothing",
		Long: `Declare objects of logical networks, from files or directories (YAML or JSON, several
documents in each; - is standard input). Each object is given whole, with its path; objects
that are not named stay. All of it becomes one change, or nothing: every mistake is told with
its file, line and column.

An object with a revision, as get prints it, is refused if it has changed since. --revision N
says so of all: what a change behind N has touched is refused. --prune deletes what the
--selector finds by its labels and the files do not name.

--dry-run tells what would change, and what would be refused, and changes nothing. --wait
shows how far each site is, until all have realised what the files say, also what was declared
before, or the deadline or the --timeout has come: then the exit code is 4.`,
		Example: `  spanway network apply -f shop.yaml` + aFile,
		Args:    cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return told(a, do.run(cmd, a))
		},
	}
	do.flags(c)
	do.carrying(c)
	return c
}

// carrying are the flags of what changes something.
func (do *applying) carrying(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&do.dryRun, "dry-run", false, "only tell what would change")
	f.DurationVar(&do.deadline, "deadline", 0, "how long sites may take until it is said to be overdue; 0: 10 minutes")
	f.StringVar(&do.reason, "reason", "", "why, for people")
	cli.Names(f, "reason")
	cli.Lasting(f, time.Millisecond, true, "deadline")
	do.waiting.flags(c)
}

// flags are those of what compares files with what is.
func (do *applying) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVarP(&do.files, "filename", "f", nil, "file or directory with objects; - for standard input; may be repeated")
	f.Uint64Var(&do.revision, "revision", 0, "number of the newest change that was seen: what has changed since is refused")
	f.BoolVar(&do.prune, "prune", false, "delete what --selector finds and the files do not name")
	f.StringVar(&do.selector, "selector", "", "labels of the objects that --prune may delete, such as app=shop,tier!=test")
}

// given is what the flags say of how files are compared.
func (do *applying) given(cmd *cobra.Command) error {
	if do.prune != (do.selector != "") {
		return cli.Usage("--prune and --selector belong together: what is deleted must be selected by labels")
	}
	if do.prune {
		s, err := model.ParseSelector(do.selector)
		if err != nil {
			return cli.Misuse(err)
		}
		do.planning.prune = &s
	}
	if cmd.Flags().Changed("revision") {
		do.since = &do.revision
	}
	return nil
}

func (do *applying) run(cmd *cobra.Command, a *cli.App) error {
	what := "apply " + named(do.files)
	planned, err := do.ofFiles(cmd, a)
	if err != nil {
		return err
	}
	return do.changing(cmd.Context(), a, what, planned)
}

// planner plans what becomes of networks, or says what is wrong.
type planner func(ctx context.Context, q *query.Querier, n *query.Networks) (*plan, []mistake, error)

// ofFiles reads the files, and plans what they say.
func (do *applying) ofFiles(cmd *cobra.Command, a *cli.App) (planner, error) {
	if err := do.given(cmd); err != nil {
		return nil, err
	}
	files, err := read(cmd, a, do.files)
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, _ *query.Querier, n *query.Networks) (*plan, []mistake, error) {
		planning := do.planning
		if len(files.mistakes) > 0 { // What could not be read is not to be deleted.
			planning.prune = nil
		}
		p, wrong := planning.plan(n, files.all)
		return p, files.with(wrong), nil
	}, nil
}

// changing makes the change that is planned, and tells of it.
func (do *applying) changing(ctx context.Context, a *cli.App, what string, planned planner) error {
	return withPlan(ctx, a, what, planned, func(ctx context.Context, at *cluster.Cluster, q *query.Querier, n *query.Networks, p *plan) error {
		return do.carryOut(ctx, a, at, q, outcome{DryRun: do.dryRun, Sites: p.sites, AsOf: n.AsOf.String(), what: what}, p)
	})
}

// withPlan plans on what is declared now, and goes on with the plan if nothing is wrong with it.
func withPlan(ctx context.Context, a *cli.App, what string, planned planner, then func(context.Context, *cluster.Cluster, *query.Querier, *query.Networks, *plan) error) error {
	return a.Asked(ctx, events.Topics{Prefix: a.Prefix}.NetworkChanges(), func(ctx context.Context, at *cluster.Cluster, q *query.Querier) error {
		n, err := q.Networks(ctx)
		if err != nil {
			return err
		}
		if code, text, replaced := n.Replaced(); replaced { // What is declared here is compared with nothing: it does not count.
			return &refused{what: what, mistakes: []mistake{{Code: code, Text: text}}}
		}
		p, wrong, err := planned(ctx, q, n)
		if err != nil {
			return err
		}
		if len(wrong) > 0 {
			return &refused{what: what, mistakes: wrong}
		}
		return then(ctx, at, q, n, p)
	})
}

func (do *applying) carryOut(ctx context.Context, a *cli.App, at *cluster.Cluster, q *query.Querier, out outcome, p *plan) error {
	for _, d := range p.diffs {
		if out.add(d); d.Change == unchanged {
			do.kept = append(do.kept, model.Path(d.Path))
		}
	}
	switch {
	case do.dryRun:
		return out.print(a, p)
	case p.empty():
		if err := out.print(a, p); err != nil {
			return err
		}
		return do.wait(ctx, a, q, do.asItIs(time.Now()))
	}
	p.request.Reason, p.request.DeadlineMs = do.reason, do.deadline.Milliseconds()
	c, err := asking(a, at)
	if err != nil {
		return err
	}
	done, err := c.Apply(ctx, p.request)
	if err != nil {
		return p.refusal(out.what, err)
	}
	out.Change = done.Change
	if err := out.print(a, p); err != nil {
		return err
	}
	do.gets = p.gets
	return do.wait(ctx, a, q, done)
}

// refusal is the error of a command that was refused, with the places of its mistakes.
func (p *plan) refusal(what string, err error) error {
	var by *networks.Refused
	if !errors.As(err, &by) || len(by.Mistakes) == 0 {
		return err
	}
	out := &refused{what: what, err: err}
	for _, m := range by.Mistakes {
		out.mistakes = append(out.mistakes, p.mistake(m))
	}
	return out
}

// outcome is what a command has changed, or would, as -o json prints it; the names are stable.
type outcome struct {
	// Change is the number of the change; 0 if there is none.
	Change    uint64   `json:"change"`
	DryRun    bool     `json:"dry_run"`
	Created   []string `json:"created"`
	Changed   []string `json:"changed"`
	Deleted   []string `json:"deleted"`
	Unchanged []string `json:"unchanged"`
	// Sites get something of it.
	Sites []string `json:"sites"`
	AsOf  string   `json:"as_of"`
	what  string
}

func (o *outcome) add(d diff) {
	list := map[string]*[]string{created: &o.Created, changed: &o.Changed, deleted: &o.Deleted, unchanged: &o.Unchanged}[d.Change]
	*list = append(*list, d.Path)
}

func (o *outcome) print(a *cli.App, p *plan) error {
	if a.JSON() {
		for _, list := range []*[]string{&o.Created, &o.Changed, &o.Deleted, &o.Unchanged, &o.Sites} {
			*list = append([]string{}, *list...)
		}
		return a.Object(o)
	}
	for _, d := range p.diffs {
		if err := d.print(a, o.DryRun); err != nil {
			return err
		}
	}
	n := len(o.Created) + len(o.Changed) + len(o.Deleted)
	objects, sites := render.Count(n, "object", "objects"), cli.Dash(strings.Join(o.Sites, " "))
	switch {
	case n == 0:
		return a.Printf("nothing to change as of %s\n", o.AsOf)
	case o.DryRun:
		return a.Printf("would change %s, at the sites: %s (as of %s)\n", objects, sites, o.AsOf)
	}
	return a.Printf("change %d: %s, at the sites: %s\n", o.Change, objects, sites)
}
