package site

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/networks"
)

// siteView is a site as -o json prints it; the names are stable.
type siteView struct {
	Site   string            `json:"site"`
	Labels map[string]string `json:"labels"`
	// State is in_step, behind, overdue or syncing.
	State string `json:"state"`
	// Objects are how many it must have.
	Objects int `json:"objects"`
	// Last is the number of its newest entry, Applied that of the newest that it has applied.
	Last    uint64 `json:"last"`
	Applied uint64 `json:"applied"`
	// Waiting are the entries that it has not applied, Overdue those of them that are late.
	Waiting uint64 `json:"waiting"`
	Overdue int    `json:"overdue"`
	// Sync is the number of the full sync that is under way, with its reason and since when.
	Sync   uint64 `json:"sync,omitempty"`
	Reason string `json:"reason,omitempty"`
	Since  string `json:"since,omitempty"`
	// Paths are those of its objects, in show alone.
	Paths []string `json:"paths,omitempty"`
	AsOf  string   `json:"as_of,omitempty"`
}

// States of a site.
const (
	inStep  = "in_step"
	behind  = "behind"
	overdue = "overdue"
	syncing = "syncing"
)

func viewSite(c *query.NetworksCore, s query.NetworkSite) siteView {
	v := siteView{
		Site: s.Site.Name, Labels: cli.NonNil(s.Site.Labels), State: inStep, Objects: len(c.State().Project(s.Site.Name)),
		Last: s.Last, Applied: s.Applied, Waiting: s.Last - min(s.Applied, s.Last), Overdue: s.Overdue,
	}
	switch {
	case s.Syncing:
		v.State, v.Sync, v.Reason, v.Since = syncing, s.Sync, s.Reason, cli.Stamp(s.SinceMs)
	case s.Overdue > 0:
		v.State = overdue
	case v.Waiting > 0:
		v.State = behind
	}
	return v
}

// colour of a state.
func colour(state string) string {
	switch state {
	case inStep:
		return render.Green
	case overdue:
		return render.Red
	}
	return render.Yellow
}

// stands is the state for people.
func (v *siteView) stands() string {
	if v.State != syncing {
		return strings.ReplaceAll(v.State, "_", " ")
	}
	return fmt.Sprintf("syncing: %s", v.Reason)
}

func list(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List sites and how they stand",
		Args:  cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return asked(cmd.Context(), a, "", func(ctx context.Context, _ *cluster.Cluster, q *query.Querier) error {
				n, err := q.Networks(ctx)
				if err != nil {
					return err
				}
				a.NoteReplaced(n)
				return printSites(a, n)
			})
		},
	}
}

func printSites(a *cli.App, n *query.Networks) error {
	t := &cli.Table{Head: []string{"SITE", "STATE", "OBJECTS", "WAITING", "OVERDUE", "SINCE", "LABELS"}}
	now := time.Now().UnixMilli()
	for _, s := range n.Core.Sites() {
		v := viewSite(n.Core, s)
		if a.JSON() {
			if err := a.Object(v); err != nil {
				return err
			}
			continue
		}
		since := "-"
		if s.Syncing {
			since = render.Age(now, s.SinceMs)
		}
		t.Add(cli.Plain(v.Site), cli.Marked(v.stands(), colour(v.State)), cli.Plain(v.Objects), cli.Plain(v.Waiting), cli.Plain(v.Overdue), cli.Plain(since), cli.Plain(cli.Dash(labels(v.Labels))))
	}
	if a.JSON() {
		return nil
	}
	if err := a.Table(t); err != nil {
		return err
	}
	return a.AsOf(n.AsOf.String())
}

func show(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show how a site stands, and what it must have",
		Args:  oneSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			return asked(cmd.Context(), a, args[0], func(ctx context.Context, _ *cluster.Cluster, q *query.Querier) error {
				n, err := q.Networks(ctx)
				if err != nil {
					return err
				}
				a.NoteReplaced(n)
				for _, s := range n.Core.Sites() {
					if s.Site.Name == args[0] {
						return printSite(a, n, s)
					}
				}
				return &networks.Refused{Code: events.CodeUnknownSite, Text: fmt.Sprintf("there is no site %s as of %s; see spanway site list", args[0], n.AsOf)}
			})
		},
	}
}

func printSite(a *cli.App, n *query.Networks, s query.NetworkSite) error {
	v := viewSite(n.Core, s)
	for _, o := range n.Core.State().Project(v.Site) {
		v.Paths = append(v.Paths, string(o.Path))
	}
	v.AsOf = n.AsOf.String()
	if a.JSON() {
		return a.Object(v)
	}
	err := a.Printf("site %s  %s\n", a.Colour(render.Bold, v.Site), a.Colour(colour(v.State), v.stands()))
	line := func(name, format string, args ...any) {
		if err == nil {
			err = a.Printf("  %-12s %s\n", name, fmt.Sprintf(format, args...))
		}
	}
	line("labels", "%s", cli.Dash(labels(v.Labels)))
	line("entries", "%d, of which %d are applied and %d wait; %d are overdue", v.Last, v.Applied, v.Waiting, v.Overdue)
	if v.State == syncing {
		line("full sync", "number %d, ordered %s for %s", v.Sync, v.Since, v.Reason)
	}
	line("objects", "%d", v.Objects)
	for _, p := range v.Paths {
		line("", "%s", p)
	}
	if err != nil {
		return err
	}
	return a.AsOf(v.AsOf)
}
