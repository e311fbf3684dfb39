package link

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
)

func group(a *cli.App) *cobra.Command {
	return cli.Noun("group", "Named sets of topics that are bound to sites",
		refusing(a, ofGroup, applyGroup(a), listGroups(a), deleteGroup(a))...)
}

// groupView is a group as -o json prints it; the names are stable.
type groupView struct {
	Group    string   `json:"group"`
	Topics   []string `json:"topics"`
	Sites    []string `json:"sites"`
	Revision int64    `json:"revision,omitempty"`
}

func viewGroup(g replication.Group) groupView {
	return groupView{Group: g.Name, Topics: append([]string{}, g.Topics...), Sites: append([]string{}, g.Sites...), Revision: g.Revision}
}

// bound is which sites a group is copied to, for people.
func (v *groupView) bound() string { return cmp.Or(strings.Join(v.Sites, " "), "all") }

func applyGroup(a *cli.App) *cobra.Command {
	g := replication.Group{}
	dryRun := false
	c := &cobra.Command{
		Use:     "apply NAME --topic TOPIC... [--site-name SITE]...",
		Short:   "Declare a group whole: its topics, and the sites that they are copied to",
		Example: `  spanway link group apply shop --topic orders --topic payments --site-name fra`,
		Args:    cli.One("name of a group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			g.Name = args[0]
			return opened(cmd.Context(), a, func(ctx context.Context, _ *cluster.Cluster, s *replication.Site) error {
				state, err := s.State(ctx, true)
				if err != nil {
					return err
				}
				do := applying{dryRun: dryRun}
				return do.declare(ctx, a, s, &state, declarations{Groups: []replication.Group{g}}, replication.Any)
			})
		},
	}
	c.Flags().StringArrayVar(&g.Topics, "topic", nil, "name of a topic of the source; may be repeated")
	c.Flags().StringArrayVar(&g.Sites, "site-name", nil, "site that they are copied to; may be repeated (default all that have a link with the group)")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only print what would change")
	return c
}

func listGroups(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List groups",
		Args:  cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.Answering(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
				state, err := declared(ctx, a, c, log)
				if err != nil {
					return err
				}
				var views []groupView
				for _, g := range state.Groups {
					views = append(views, viewGroup(g))
				}
				return printGroups(a, views, asOf(a, state.At))
			})
		},
	}
}

func printGroups(a *cli.App, views []groupView, at string) error {
	t := &cli.Table{Head: []string{"GROUP", "SITES", "TOPICS"}}
	for _, v := range views {
		if a.JSON() {
			if err := a.Object(v); err != nil {
				return err
			}
			continue
		}
		t.Add(cli.Plain(v.Group), cli.Plain(v.bound()), cli.Plain(cli.Dash(strings.Join(v.Topics, " "))))
	}
	if a.JSON() {
		return nil
	}
	if err := a.Table(t); err != nil {
		return err
	}
	return a.AsOf(at)
}

func deleteGroup(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a group; what was copied of it stays",
		Args:  cli.One("name of a group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return opened(cmd.Context(), a, func(ctx context.Context, _ *cluster.Cluster, s *replication.Site) error {
				if err := s.DeleteGroup(ctx, args[0]); err != nil {
					return err
				}
				return a.Said(map[string]any{"group": args[0], "deleted": true}, "group %s is deleted", args[0])
			})
		},
	}
}
