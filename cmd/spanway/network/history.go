package network

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// happened is an event of the log of networks, as -o json prints it; the names are stable.
type happened struct {
	At     string `json:"at"`
	Offset int64  `json:"offset"`
	// What is changed, withdrawn, site_added, site_retired, sync_ordered, sync_ended, sync_aborted,
	// promoted or replaced.
	What string `json:"what"`
	// Change is its number; of what is no change 0.
	Change  uint64   `json:"change,omitempty"`
	Puts    []string `json:"puts,omitempty"`
	Deletes []string `json:"deletes,omitempty"`
	// Withdraws is the change that was taken back.
	Withdraws uint64 `json:"withdraws,omitempty"`
	Site      string `json:"site,omitempty"`
	// Sync is the number of a full sync of the site, in its term.
	Sync   uint64 `json:"sync,omitempty"`
	Term   uint64 `json:"term,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Object is what the change has made of the one that was asked for; absent if it was deleted.
	Object *object `json:"object,omitempty"`
}

func history(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "history [PATH]",
		Short: "List the changes of the networks, or those of one object",
		Long: `List the changes that count, the oldest first, as far back as the log is kept, with the
sites that came and went and their full syncs, with the reasons. Of one object, what each change has made of it is in -o json.`,
		Args: cli.AtMostOne("path of an object"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 {
				if err := aPath(args[0]); err != nil {
					return err
				}
				path = args[0]
			}
			return asked(cmd.Context(), a, func(ctx context.Context, _ *cluster.Cluster, q *query.Querier) error {
				var all []happened
				asOf, err := q.NetworkHistory(ctx, func(l events.Logged) {
					if h, ok := happening(l, path); ok {
						all = append(all, h)
					}
				})
				if err != nil {
					return err
				}
				if path != "" && len(all) == 0 {
					return unknown(path, asOf)
				}
				return printHistory(a, all, asOf)
			})
		},
	}
}

// happening is what an event says; false if it is not of the history, or not about a path.
func happening(l events.Logged, path string) (h happened, ok bool) {
	h.Offset = l.Offset
	switch m := l.Message.(type) {
	case *events.NetworkChanged:
		h.What, h.At, h.Change, h.Withdraws, h.Reason, h.Deletes = "changed", cli.Stamp(m.AtMs), m.Change, m.Withdraws, m.Reason, m.Deletes
		if m.Withdraws > 0 {
			h.What = "withdrawn"
		}
		for _, o := range m.Objects {
			if h.Puts = append(h.Puts, o.GetPath()); o.GetPath() == path {
				if of, err := viewOf(o); err == nil { // It was read.
					h.Object = &of
				}
			}
		}
		return h, path == "" || slices.Contains(h.Puts, path) || slices.Contains(h.Deletes, path)
	case *events.NetworkSiteAdded:
		h.What, h.At, h.Site = "site_added", cli.Stamp(m.AtMs), m.Site
	case *events.NetworkSiteRetired:
		h.What, h.At, h.Site = "site_retired", cli.Stamp(m.AtMs), m.Site
	case *events.NetworkSyncOrdered:
		h.What, h.At, h.Site, h.Sync, h.Reason = "sync_ordered", cli.Stamp(m.AtMs), m.Site, m.Sync, m.Reason
	case *events.NetworkSyncEnded:
		h.What, h.At, h.Site, h.Sync = "sync_ended", cli.Stamp(m.AtMs), m.Site, m.Sync
		if m.Aborted {
			h.What = "sync_aborted"
		}
	case *events.NetworkReplaced:
		h.What, h.At, h.Site, h.Term = "replaced", cli.Stamp(m.AtMs), m.Site, m.Term
	case *events.NetworkPromoted:
		h.What, h.At, h.Term, h.Reason = "promoted", cli.Stamp(m.AtMs), m.Term, m.Reason
	}
	return h, h.What != "" && path == ""
}

// says is the event for people.
func (h *happened) says() string {
	switch h.What {
	case "withdrawn":
		return fmt.Sprintf("withdraws change %d", h.Withdraws)
	case "site_added":
		return "site " + h.Site + " is added, or has other labels"
	case "site_retired":
		return "site " + h.Site + " is retired"
	case "sync_ordered":
		return fmt.Sprintf("full sync %d of site %s is ordered", h.Sync, h.Site)
	case "sync_ended":
		return fmt.Sprintf("site %s has applied full sync %d", h.Site, h.Sync)
	case "sync_aborted":
		return fmt.Sprintf("full sync %d of site %s is given up", h.Sync, h.Site)
	case "replaced":
		return fmt.Sprintf("site %s follows a global manager that was promoted elsewhere, in term %d", h.Site, h.Term)
	case "promoted":
		return fmt.Sprintf("term %d begins", h.Term)
	}
	all := slices.Concat(h.Puts, deletedOf(h.Deletes))
	more := ""
	if n := len(all); n > 3 {
		all, more = all[:2], fmt.Sprintf(" and %s", render.Count(n-2, "other", "others"))
	}
	return strings.Join(all, " ") + more
}

func deletedOf(paths []string) (out []string) {
	for _, p := range paths {
		out = append(out, "-"+p)
	}
	return out
}

func printHistory(a *cli.App, all []happened, asOf query.Position) error {
	t := &cli.Table{Head: []string{"CHANGE", "AT", "REASON", "WHAT"}}
	for _, h := range all {
		if a.JSON() {
			if err := a.Object(h); err != nil {
				return err
			}
			continue
		}
		change := "-"
		if h.Change > 0 {
			change = fmt.Sprint(h.Change)
		}
		t.Add(cli.Plain(change), cli.Plain(h.At), cli.Plain(cli.Dash(h.Reason)), cli.Plain(h.says()))
	}
	if a.JSON() {
		return nil
	}
	if err := a.Table(t); err != nil {
		return err
	}
	return a.AsOf(asOf.String())
}
