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
	"github.com/spanway/spanway/pkg/replication/links"
)

func announce(a *cli.App) *cobra.Command {
	said := replication.Application{}
	model := ""
	c := &cobra.Command{
		Use:   "announce APPLICATION --topic TOPIC... [flags]",
		Short: "Say in an application's cluster which of its topics are to be copied",
		Long: `Say in the cluster of an application which of its topics are to be copied. It
replaces what the application announced before. Links of other sites that name
the application (--application) copy them from then on.`,
		Example: `  spanway link announce shop --topic orders --topic payments --site-name fra`,
		Args:    cli.One("name of an application"),
		RunE: func(cmd *cobra.Command, args []string) error {
			said.Name, said.Model = args[0], links.Model(model)
			if err := said.Check(); err != nil {
				return cli.Misuse(err)
			}
			return a.Answering(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
				if err := replication.Announce(ctx, c, options(a, log, true), said); err != nil {
					return err
				}
				return printAnnounced(a, said)
			})
		},
	}
	f := c.Flags()
	f.StringArrayVar(&said.Topics, "topic", nil, "name of a topic; may be repeated")
	f.StringArrayVar(&said.Sites, "site-name", nil, "site that they are copied to; may be repeated (default all that have a link with the application)")
	f.StringVar(&model, "model", "", "topic copies all records, routed those that name the site in a header (default topic)")
	cli.Choices(f, "model", "topic", "routed")
	f.StringVar(&said.Header, "header", "", "header that names the sites of a record, with --model routed (default sites)")
	return c
}

// announcedView is what an application announces, as -o json prints it; the names are stable.
type announcedView struct {
	Application string      `json:"application"`
	Topics      []string    `json:"topics"`
	Model       links.Model `json:"model"`
	// Sites are all that have a link with the application if it is empty.
	Sites  []string `json:"sites"`
	Header string   `json:"header,omitempty"`
}

// viewAnnounced is what an application announces.
func viewAnnounced(said replication.Application) announcedView {
	v := announcedView{said.Name, said.Topics, cmp.Or(said.Model, links.Topic), append([]string{}, said.Sites...), said.Header}
	if v.Model == links.Routed {
		v.Header = cmp.Or(v.Header, "sites")
	}
	return v
}

func printAnnounced(a *cli.App, said replication.Application) error {
	v := viewAnnounced(said)
	if a.JSON() {
		return a.Object(v)
	}
	to, by := "all sites with a link that names it", ""
	if len(v.Sites) > 0 {
		to = strings.Join(v.Sites, " ")
	}
	if v.Header != "" {
		by = ", by header " + v.Header
	}
	return a.Printf("application %s announces %s\n  model %s%s, to %s\n", v.Application, strings.Join(v.Topics, " "), v.Model, by, to)
}

func withdraw(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "withdraw APPLICATION",
		Short: "End what an application has announced; what was copied stays",
		Args:  cli.One("name of an application"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := links.CheckName("the name of the application", args[0]); err != nil {
				return cli.Misuse(err)
			}
			return a.Answering(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
				if err := unannounced(ctx, a, c, args[0]); err != nil {
					return err
				}
				if err := replication.Withdraw(ctx, c, options(a, log, true), args[0]); err != nil {
					return err
				}
				return a.Said(map[string]any{"application": args[0], "withdrawn": true}, "application %s announces nothing any more", args[0])
			})
		},
	}
}
