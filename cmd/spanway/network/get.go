package network

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/document"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/pkg/networks"
)

func get(a *cli.App) *cobra.Command {
	var at moment
	c := &cobra.Command{
		Use:   "get [PATH]",
		Short: "Print objects as they were declared: those of a network, one, or all",
		Long: `Print objects as they were declared. -o yaml prints what apply takes again, each object with
its revision: applied later, it is refused if the object has changed meanwhile. --at prints
what was declared at a moment, from the log.`,
		Example: `  spanway network get /networks/shop -o yaml
  spanway network get --at change/7`,
		Args: cli.AtMostOne("path of an object"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if err := aPath(args[0]); err != nil {
					return err
				}
			}
			if err := at.check(); err != nil {
				return err
			}
			return asked(cmd.Context(), a, func(ctx context.Context, _ *cluster.Cluster, q *query.Querier) error {
				n, err := at.networks(ctx, q)
				if err != nil {
					return err
				}
				a.NoteReplaced(n)
				objects, err := chosen(n, args)
				if err != nil {
					return err
				}
				return printObjects(a, n, objects)
			})
		},
	}
	cli.AlsoYAML(c)
	at.of(c, "at", "what was declared then")
	return c
}

// unknown is the refusal of a path that no object has.
func unknown(path string, asOf query.Position) error {
	return &networks.Refused{Code: events.CodeUnknownObject, Text: fmt.Sprintf("there is no object %s as of %s; see spanway network get", path, asOf)}
}

// chosen are all objects, or that of a path and, if that is a network, those in it.
func chosen(n *query.Networks, args []string) (out []*model.Object, err error) {
	all := n.Core.State().Objects()
	if len(args) == 0 {
		return all, nil
	}
	path := model.Path(args[0])
	if _, ok := n.Core.State().Object(path); !ok {
		return nil, unknown(args[0], n.AsOf)
	}
	for _, o := range all {
		if o.Path == path || o.Path.Network() == path {
			out = append(out, o)
		}
	}
	return out, nil
}

// objectView is an object as -o json prints it; the names are stable.
type objectView struct {
	object
	// Sites have it, or must.
	Sites []string `json:"sites"`
}

func printObjects(a *cli.App, n *query.Networks, objects []*model.Object) error {
	t := &cli.Table{Head: []string{"PATH", "REVISION", "SITES", "SAYS"}}
	for i, o := range objects {
		out, err := objectOf(o)
		if err != nil {
			return err
		}
		sites := n.Core.State().At(o.Path)
		switch {
		case a.JSON():
			err = a.Object(objectView{out, append([]string{}, sites...)})
		case a.YAML():
			err = printYAML(a, out, i > 0)
		default:
			t.Add(cli.Plain(o.Path), cli.Plain(o.Revision), cli.Plain(cli.Dash(strings.Join(sites, " "))), cli.Plain(says(o)))
		}
		if err != nil {
			return err
		}
	}
	if a.JSON() || a.YAML() {
		return nil
	}
	if err := a.Table(t); err != nil {
		return err
	}
	return a.AsOf(n.AsOf.String())
}

func printYAML(a *cli.App, o object, further bool) error {
	text, err := document.Encode(o)
	if err != nil {
		return err
	}
	mark := ""
	if further {
		mark = "---\n"
	}
	return a.Text(mark + string(text))
}

// says is what an object says, on a line.
func says(o *model.Object) string {
	var out []string
	for _, d := range difference(string(o.Path), nil, o.Message).Fields {
		if !strings.HasPrefix(d.Field, "span.") && string(d.After) != "{}" {
			out = append(out, d.Field[strings.IndexByte(d.Field, '.')+1:]+"="+strings.Trim(string(d.After), `"`))
		}
	}
	return cli.Dash(strings.Join(out, " "))
}

// networkView is a network, as -o json prints it; the names are stable.
type networkView struct {
	Network string `json:"network"`
	Objects int    `json:"objects"`
	// Sites have something of it, or must.
	Sites []string `json:"sites"`
	// State is the worst of its objects, over the sites that must have them; empty if none must.
	State string `json:"state"`
	// Revision is the newest change of what is in it.
	Revision    uint64 `json:"revision"`
	Description string `json:"description,omitempty"`
}

func list(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List networks, and how far the sites are",
		Long: `List networks. The state of a network is the worst of its objects, over the sites that must
have them. Sites are asked where the configuration file says that they are; of one that cannot
be asked, what the global manager knows counts.`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return asked(cmd.Context(), a, func(ctx context.Context, _ *cluster.Cluster, q *query.Querier) error {
				n, err := q.Networks(ctx)
				if err != nil {
					return err
				}
				a.NoteReplaced(n)
				return printNetworks(ctx, a, n)
			})
		},
	}
}

// viewNetworks are all networks; all is what stands at sites.
func viewNetworks(n *query.Networks, all sites) (views []*networkView) {
	at := map[model.Path]*networkView{}
	for _, o := range n.Core.State().Objects() { // A network comes before what is in it.
		in := o.Path.Network()
		if in == "" {
			in = o.Path
			at[in] = &networkView{Network: string(in), Sites: append([]string{}, n.Core.State().At(in)...), Description: o.Message.GetNetwork().GetDescription()}
			views = append(views, at[in])
		}
		for _, name := range n.Core.State().At(o.Path) {
			if s := stand(n, name, all[name], o.Path, o.Revision).State; at[in].State == "" || worse(s, at[in].State) < 0 {
				at[in].State = s
			}
		}
		at[in].Objects++
		at[in].Revision = max(at[in].Revision, o.Revision)
	}
	return views
}

// siteNames are the names of all sites.
func siteNames(n *query.Networks) (names []string) {
	for _, s := range n.Core.State().Sites() {
		names = append(names, s.Name)
	}
	return names
}

func printNetworks(ctx context.Context, a *cli.App, n *query.Networks) error {
	all, err := reach(ctx, a, siteNames(n))
	if err != nil {
		return err
	}
	defer all.close()
	t := &cli.Table{Head: []string{"NETWORK", "STATE", "OBJECTS", "SITES", "REVISION", "DESCRIPTION"}}
	for _, v := range viewNetworks(n, all) {
		if a.JSON() {
			if err := a.Object(v); err != nil {
				return err
			}
			continue
		}
		t.Add(cli.Plain(v.Network), cli.Marked(cli.Dash(v.State), stateColour(v.State)), cli.Plain(v.Objects), cli.Plain(cli.Dash(strings.Join(v.Sites, " "))), cli.Plain(v.Revision), cli.Plain(cli.Dash(v.Description)))
	}
	if a.JSON() {
		return nil
	}
	if err := a.Table(t); err != nil {
		return err
	}
	return a.AsOf(n.AsOf.String())
}
