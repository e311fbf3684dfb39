package network

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	model "github.com/spanway/spanway/pkg/network"
)

func show(a *cli.App) *cobra.Command {
	var at moment
	c := &cobra.Command{
		Use:   "show PATH",
		Short: "Show how far an object is at each site",
		Long: `Show how far an object is at each site that must have it: queued, syncing, overdue (in
the global manager's queue), applied (the site knows what it must have), realising,
realised, failed, in conflict or drifted. Its state as a whole is the worst of them.
Sites that it has left are listed while something of it is there.

Sites are asked where the configuration file says that they are. Of one that cannot be
asked, what the global manager knows is shown. So it is with --at, which asks no site.`,
		Example: `  spanway network show /networks/shop/segments/web
  spanway network show /networks/shop/segments/web --at 10m`,
		Args: cli.One("path of an object"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := aPath(args[0]); err != nil {
				return err
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
				v, err := look(ctx, a, n, model.Path(args[0]), at.text != "")
				if err != nil {
					return err
				}
				return v.print(a)
			})
		},
	}
	at.of(c, "at", "what was declared then, and what the global manager knew of it")
	return c
}

// shown is an object at its sites, as -o json prints it; the names are stable.
type shown struct {
	Path string `json:"path"`
	// Revision is 0 of one that is deleted, and is still at a site.
	Revision uint64 `json:"revision"`
	// State is the worst of those sites that must have it; empty if none must.
	State string     `json:"state"`
	Sites []standing `json:"sites"`
	// Leaving are sites that must not have it any more, and where something of it is.
	Leaving []standing `json:"leaving"`
	AsOf    string     `json:"as_of"`
	says    string
}

// look finds out how an object stands at all sites. Of the past no site is asked.
func look(ctx context.Context, a *cli.App, n *query.Networks, path model.Path, past bool) (*shown, error) {
	names := siteNames(n)
	all, err := then(names), error(nil)
	if !past {
		all, err = reach(ctx, a, names)
	}
	if err != nil {
		return nil, err
	}
	defer all.close()
	v := &shown{Path: string(path), Sites: []standing{}, Leaving: []standing{}, AsOf: n.AsOf.String()}
	o, there := n.Core.State().Object(path)
	if there {
		v.Revision, v.says = o.Revision, says(o)
	}
	must := n.Core.State().At(path)
	for _, name := range names {
		if slices.Contains(must, name) {
			at := stand(n, name, all[name], path, v.Revision)
			all[name].attempted(ctx, &at)
			if v.Sites = append(v.Sites, at); v.State == "" || worse(at.State, v.State) < 0 {
				v.State = at.State
			}
			continue
		}
		at := stand(n, name, all[name], path, 0)
		all[name].attempted(ctx, &at)
		waits := awaits(n, name, all[name], path)
		if waits && at.State == realised { // Nothing of it is there, and the site is yet to hear that.
			at.State = queued
		}
		if waits || at.Unknown == "" && at.State != realised {
			v.Leaving = append(v.Leaving, at)
		}
	}
	if !there && len(v.Leaving) == 0 {
		return nil, unknown(string(path), n.AsOf)
	}
	return v, nil
}

// awaits tells whether a site is yet to apply something of an object: what it has applied itself
// counts, for the global manager hears of that later.
func awaits(n *query.Networks, name string, r *reached, path model.Path) bool {
	waits, _ := n.Core.Unapplied(name, path)
	if waits == 0 || r.err != nil || r.now == nil {
		return waits > 0
	}
	has := r.now.Core.Report()
	return has.Term != n.Core.Term() || has.Sequence < waits
}

func (v *shown) print(a *cli.App) error {
	if a.JSON() {
		return a.Object(v)
	}
	state := v.State
	switch {
	case v.Revision == 0:
		state = "deleted"
	case state == "":
		state = "at no site"
	}
	if err := a.Printf("%s  %s  revision %d\n", a.Colour(render.Bold, v.Path), a.Colour(stateColour(v.State), state), v.Revision); err != nil {
		return err
	}
	if v.says != "" {
		if err := a.Printf("  %s\n", v.says); err != nil {
			return err
		}
	}
	t := &cli.Table{Head: []string{"SITE", "STATE", "REVISION", "ENTRY", "SINCE", "WHY"}}
	for i, at := range append(slices.Clone(v.Sites), v.Leaving...) {
		what := at.State
		if i >= len(v.Sites) {
			what = strings.TrimSuffix("leaving: "+what, ": "+removing)
		}
		since := "-"
		if at.sinceMs > 0 {
			since = render.Age(time.Now().UnixMilli(), at.sinceMs)
		}
		t.Add(cli.Plain(at.Site), cli.Marked(what, stateColour(at.State)), cli.Plain(at.Revision), cli.Plain(at.Sequence), cli.Plain(since), cli.Plain(at.says()))
	}
	if len(t.Rows) > 0 {
		if err := a.Table(t); err != nil {
			return err
		}
	}
	return a.AsOf(v.AsOf)
}
