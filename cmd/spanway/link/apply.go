package link

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
)

// declarations are what a file holds.
type declarations struct {
	Links  []replication.Spec  `json:"links"`
	Groups []replication.Group `json:"groups"`
}

// applying is what apply is to do.
type applying struct {
	file   string
	dryRun bool
	spec   replication.Spec
	on     [3]string
	model  string
}

func apply(a *cli.App) *cobra.Command {
	do := &applying{}
	c := &cobra.Command{
		Use:   "apply (-f FILE | NAME [flags])",
		Short: "Declare links and groups, from a file or by flags",
		Long: `Declare what this site copies. A file (YAML or JSON, - is standard input) holds
links and groups, each whole: what it does not say has its default. By flags,
what is not given stays as it is, if there is such a link. Links that are not
named stay. Copies that run and are not meant go on untouched.

--dry-run prints what would change, field by field, and changes nothing.`,
		Example: `  spanway link apply orders --source ams --include 'orders\..*' --exclude '.*\.tmp'
  spanway link apply -f links.yaml --dry-run

  # links.yaml
  links:
    - name: orders
      source: ams
      include: ['orders\..*']
      on: {overtaken: go_on}
    - name: shop
      source: ams
      model: group
      groups: [shop]
  groups:
    - name: shop
      topics: [orders, payments]
      sites: [fra]`,
		Args: cli.AtMostOne("name of a link"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (do.file == "") != (len(args) == 1) {
				return cli.Usage("give -f FILE, or the name of one link and flags")
			}
			return do.run(cmd, a, args)
		},
	}
	do.flags(c.Flags())
	return c
}

func (do *applying) flags(f *pflag.FlagSet) {
	s := &do.spec
	f.StringVarP(&do.file, "filename", "f", "", "file with links and groups; - for standard input")
	f.BoolVar(&do.dryRun, "dry-run", false, "only print what would change")
	f.StringVar(&s.Source, "source", "", "cluster to copy from, as the replicator's configuration names it")
	f.StringVar(&do.model, "model", "", "by what topics are chosen (default topic)")
	cli.Choices(f, "model", "topic", "group", "routed")
	f.StringArrayVar(&s.Include, "include", nil, "pattern of names of topics to copy (RE2, the whole name); may be repeated")
	f.StringArrayVar(&s.Exclude, "exclude", nil, "pattern of names not to copy; may be repeated")
	f.StringArrayVar(&s.Groups, "group", nil, "group whose topics are copied, with --model group; may be repeated")
	f.StringArrayVar(&s.Applications, "application", nil, "pattern of names of applications whose topics are copied; may be repeated")
	f.StringVar(&s.Prefix, "topic-prefix", "", "put before the name of a topic to get that of its copy")
	f.BoolVar(&s.Shared, "shared", false, "others may write to the copies' topics, too")
	f.BoolVar(&s.Relay, "relay", false, "copy records that are copies themselves")
	f.BoolVar(&s.Unfenced, "unfenced", false, "copy also where the site's cluster does not fence earlier writers")
	f.StringVar(&s.Routing.Header, "header", "", "header that names the sites of a record, with --model routed (default sites)")
	f.StringArrayVar(&s.Routing.Allowed, "allow", nil, "site that a record may name; may be repeated (default any)")
	f.BoolVar(&s.Routing.Unrouted, "unrouted", false, "copy records that name no site")
	f.BoolVar(&s.Routing.PassUnknown, "pass-unknown", false, "pass over names of sites that are not allowed")
	for i, name := range []string{"recreated", "overtaken", "uncopyable"} {
		f.StringVar(&do.on[i], "on-"+name, "", "what to do when "+[...]string{"a source topic was created again", "retention deleted what was not copied", "a record cannot be copied"}[i]+" (default stop)")
		cli.Choices(f, "on-"+name, "stop", "go_on")
	}
	f.Int64Var(&s.BytesPerSecond, "bytes-per-second", 0, "limit of all copies of the link together; 0: none")
	f.Int64Var(&s.RecordsPerSecond, "records-per-second", 0, "limit of all copies of the link together; 0: none")
	cli.AtLeast(f, 0, "bytes-per-second", "records-per-second")
}

func (do *applying) run(cmd *cobra.Command, a *cli.App, args []string) error {
	var all declarations
	if do.file != "" {
		var err error
		if all, err = do.read(cmd, a); err != nil {
			return err
		}
	}
	if do.dryRun { // It creates no topics, either.
		return a.Answering(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
			state, err := declared(ctx, a, c, log)
			if err != nil {
				return err
			}
			return do.meant(ctx, a, nil, &state, cmd.Flags(), all, args)
		})
	}
	return opened(cmd.Context(), a, func(ctx context.Context, _ *cluster.Cluster, s *replication.Site) error {
		state, err := s.State(ctx, true)
		if err != nil {
			return err
		}
		return do.meant(ctx, a, s, &state, cmd.Flags(), all, args)
	})
}

// meant declares what the file says, or what the flags say of one link.
func (do *applying) meant(ctx context.Context, a *cli.App, s *replication.Site, state *replication.State, f *pflag.FlagSet, all declarations, args []string) error {
	expect := replication.Any
	if len(args) == 1 {
		before, there := state.Link(args[0])
		if expect = before.Revision; !there {
			expect = replication.Absent
		}
		all.Links = []replication.Spec{do.over(f, before.Spec, args[0])}
	}
	return do.declare(ctx, a, s, state, all, expect)
}

// read reads the file.
func (do *applying) read(cmd *cobra.Command, a *cli.App) (all declarations, err error) {
	var wrong error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "filename" && f.Name != "dry-run" && cmd.InheritedFlags().Lookup(f.Name) == nil {
			wrong = cli.Usage("--%s is of one link: give its name, and no file", f.Name)
		}
	})
	if wrong != nil {
		return all, wrong
	}
	name, err := a.Document(cmd.InOrStdin(), do.file, &all)
	if err != nil {
		return all, err
	}
	if len(all.Links)+len(all.Groups) == 0 {
		return all, cli.Usage("%s has no links and no groups", name)
	}
	if what := all.twice(); what != "" {
		return all, cli.Usage("%s has %s twice: leave one of them out, or give it another name", name, what)
	}
	return all, nil
}

// twice is the first link or group whose name another one has, too; empty if there is none.
func (all *declarations) twice() string {
	seen := map[string]bool{}
	again := func(what string) bool {
		defer func() { seen[what] = true }()
		return seen[what]
	}
	for _, l := range all.Links {
		if what := fmt.Sprintf("link %.99q", l.Name); again(what) {
			return what
		}
	}
	for _, g := range all.Groups {
		if what := fmt.Sprintf("group %.99q", g.Name); again(what) {
			return what
		}
	}
	return ""
}

// over is a link with what the flags say.
func (do *applying) over(f *pflag.FlagSet, s replication.Spec, name string) replication.Spec {
	s.Name = name
	g := do.spec
	for flag, set := range map[string]func(){
		"source": func() { s.Source = g.Source }, "model": func() { s.Model = links.Model(do.model) },
		"include": func() { s.Include = g.Include }, "exclude": func() { s.Exclude = g.Exclude }, "group": func() { s.Groups = g.Groups },
		"application": func() { s.Applications = g.Applications }, "topic-prefix": func() { s.Prefix = g.Prefix },
		"shared": func() { s.Shared = g.Shared }, "relay": func() { s.Relay = g.Relay }, "unfenced": func() { s.Unfenced = g.Unfenced },
		"header": func() { s.Routing.Header = g.Routing.Header }, "allow": func() { s.Routing.Allowed = g.Routing.Allowed },
		"unrouted": func() { s.Routing.Unrouted = g.Routing.Unrouted }, "pass-unknown": func() { s.Routing.PassUnknown = g.Routing.PassUnknown },
		"on-recreated": func() { s.On.Recreated = links.Policy(do.on[0]) }, "on-overtaken": func() { s.On.Overtaken = links.Policy(do.on[1]) },
		"on-uncopyable":    func() { s.On.Uncopyable = links.Policy(do.on[2]) },
		"bytes-per-second": func() { s.BytesPerSecond = g.BytesPerSecond }, "records-per-second": func() { s.RecordsPerSecond = g.RecordsPerSecond },
	} {
		if f.Changed(flag) {
			set()
		}
	}
	return s
}

// declare makes the calls, groups first: links may name them. All is checked before the
// first call.
func (do *applying) declare(ctx context.Context, a *cli.App, s *replication.Site, state *replication.State, all declarations, expect int64) error {
	for _, g := range all.Groups {
		if err := cmp.Or(g.Check(), links.CheckTopics(g.Topics)); err != nil {
			return cli.Usage("group %.99q: %w", g.Name, err)
		}
	}
	for _, l := range all.Links {
		if err := l.Check(); err != nil {
			return cli.Usage("link %.99q: %w", l.Name, err)
		}
	}
	for _, g := range all.Groups {
		d := difference("group", g.Name, groupNamed(state, g.Name), bare(g))
		if d.Change != unchanged && !do.dryRun {
			if err := s.ApplyGroup(ctx, g); err != nil {
				return &meant{ofGroup(g.Name), err}
			}
		}
		if err := d.print(a, do.dryRun); err != nil {
			return err
		}
	}
	for _, l := range all.Links {
		var before any
		if was, there := state.Link(l.Name); there {
			before = links.SpecOf(was.Message())
		}
		d := difference("link", l.Name, before, links.SpecOf(l.Message()))
		if d.Change != unchanged && !do.dryRun {
			if _, err := s.Apply(ctx, l, expect); err != nil {
				return &meant{ofLink(l.Name), err}
			}
		}
		if err := d.print(a, do.dryRun); err != nil {
			return err
		}
	}
	return nil
}

// groupNamed is a group as it was declared; nil if it is not.
func groupNamed(state *replication.State, name string) any {
	for _, g := range state.Groups {
		if g.Name == name {
			return bare(g)
		}
	}
	return nil
}

// bare is a group without its revision.
func bare(g replication.Group) replication.Group {
	g.Revision = 0
	return g
}
