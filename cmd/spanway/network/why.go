package network

import (
	"context"
	"fmt"
	"slices"
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

func why(a *cli.App) *cobra.Command {
	var site string
	c := &cobra.Command{
		Use:     "why PATH --site SITE",
		Short:   "Explain where an object stands at a site, and what would move it",
		Example: `  spanway network why /networks/shop/segments/web --site fra`,
		Args:    cli.One("path of an object"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := aPath(args[0]); err != nil {
				return err
			}
			if site == "" {
				return cli.Usage("say at which site: --site")
			}
			return asked(cmd.Context(), a, func(ctx context.Context, _ *cluster.Cluster, q *query.Querier) error {
				n, err := q.Networks(ctx)
				if err != nil {
					return err
				}
				a.NoteReplaced(n)
				if !n.Core.State().HasSite(site) {
					return &networks.Refused{Code: events.CodeUnknownSite, Text: fmt.Sprintf("there is no site %.80q; see spanway site list", site)}
				}
				v, err := explain(ctx, a, n, model.Path(args[0]), site)
				if err != nil {
					return err
				}
				return v.print(a)
			})
		},
	}
	c.Flags().StringVar(&site, "site", "", "site that is asked about; the command itself goes where --context says")
	return c
}

// explained is where an object stands at a site, as -o json prints it; the names are stable.
type explained struct {
	Path string `json:"path"`
	// Wanted is the revision that the site must have; 0: it must have none.
	Wanted uint64 `json:"wanted"`
	standing
	// Waiting are the entries that the site has not applied.
	Waiting uint64 `json:"waiting"`
	// Moves is what would move it.
	Moves string `json:"moves"`
	AsOf  string `json:"as_of"`
	task  *query.Explanation
}

func explain(ctx context.Context, a *cli.App, n *query.Networks, path model.Path, site string) (*explained, error) {
	all, err := reach(ctx, a, []string{site})
	if err != nil {
		return nil, err
	}
	defer all.close()
	o, there := n.Core.State().Object(path)
	v := &explained{Path: string(path), AsOf: n.AsOf.String()}
	if there && slices.Contains(n.Core.State().At(path), site) {
		v.Wanted = o.Revision
	}
	v.standing = stand(n, site, all[site], path, v.Wanted)
	if !there && v.Unknown == "" && v.State == realised {
		return nil, unknown(string(path), n.AsOf)
	}
	of, _ := n.Core.StandingOf(site)
	v.Waiting = of.Last - min(of.Applied, of.Last)
	v.Moves = v.moves(site)
	all[site].attempted(ctx, &v.standing)
	if v.Task != "" {
		if x, err := all[site].at.Why(ctx, "", events.TaskID(v.Task)); err == nil {
			v.task = &x
		}
	}
	return v, nil
}

// moves says what would move it on.
func (v *explained) moves(site string) string {
	switch {
	case v.Wanted == 0 && v.State == realised:
		return "nothing: it is not to be there; see its span (spanway network get " + v.Path + ")"
	case v.State == realised:
		return "nothing: it is as it must be"
	case v.State == failed:
		return "mend what the reason says; it is tried again by itself, or at once when the object changes"
	case v.State == drifted:
		return "the site has something else than it must; look at it there, then apply the object again with a change, or let the realiser find it mended"
	case v.State == conflict:
		return "delete the site's own object of that path, or take the site out of the span"
	case v.State == syncing || v.State == queued || v.State == overdue:
		return fmt.Sprintf("the local manager of %s applies its entries: see that it runs (spanway serve manager --role local), that the global manager reaches its cluster, and how the site stands (spanway site show %s)", site, site)
	case v.WaitsFor != "":
		return "realise or remove " + v.WaitsFor + " first: spanway network why " + v.WaitsFor + " --site " + site
	case v.Task != "":
		return "the task " + v.Task + " ends: spanway task why " + v.Task + " --site " + site
	}
	return "the local manager of " + site + " submits its task"
}

func (v *explained) print(a *cli.App) error {
	if a.JSON() {
		return a.Object(v)
	}
	since := ""
	if v.sinceMs > 0 {
		since = " for " + render.Age(time.Now().UnixMilli(), v.sinceMs)
	}
	err := a.Printf("%s at %s: %s%s\n", a.Colour(render.Bold, v.Path), v.Site, a.Colour(stateColour(v.State), v.State), since)
	line := func(name, text string) {
		if err == nil && text != "" {
			err = a.Printf("  %-10s %s\n", name, text)
		}
	}
	line("revision", fmt.Sprintf("%d of %d, by entry %d; entries that wait: %d", v.Revision, v.Wanted, v.Sequence, v.Waiting))
	line("why", v.says())
	line("moves", v.Moves)
	if err == nil && v.task != nil {
		err = a.Printf("%s", render.Details(*v.task, a.Coloured()))
	}
	if err != nil {
		return err
	}
	return a.AsOf(v.AsOf)
}
