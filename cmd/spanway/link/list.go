package link

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
)

func list(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List links and how they stand",
		Args:  cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.Answering(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
				state, err := declared(ctx, a, c, log)
				if err != nil {
					return err
				}
				status, err := replication.ReadStatus(ctx, c, a.Prefix)
				if err != nil {
					return err
				}
				return printLinks(a, viewLinks(state, &status), asOf(a, state.At))
			})
		},
	}
}

func viewLinks(state replication.State, status *replication.Status) (views []linkView) {
	now := time.Now().UnixMilli()
	for _, l := range state.Links {
		views = append(views, viewLink(l, status, now))
	}
	return views
}

func printLinks(a *cli.App, views []linkView, at string) error {
	if a.JSON() {
		for i := range views {
			if err := a.Object(&views[i]); err != nil {
				return err
			}
		}
		return nil
	}
	t := tableOf(views)
	t.Head = append(t.Head, "CHOOSES") // It may be long, and is cut on a terminal.
	for i := range views {
		t.Rows[i] = append(t.Rows[i], cli.Plain(chooses(&views[i])))
	}
	if err := a.Table(t); err != nil {
		return err
	}
	return a.AsOf(at)
}

// tableOf is how links stand, for people.
func tableOf(views []linkView) *cli.Table {
	t := &cli.Table{Head: []string{"LINK", "SOURCE", "STATE", "COPIES", "LAG", "RECORDS/S", "REASON"}}
	for i := range views {
		v := &views[i]
		t.Add(cli.Plain(v.Name), cli.Plain(v.Source), cli.Marked(v.progress(), v.colour()), cli.Plain(v.Copies),
			cli.Plain(v.lag()), cli.Plain(fmt.Sprintf("%.0f", v.RecordsPerSecond)), cli.Plain(cli.Dash(v.reasons())))
	}
	return t
}

func show(a *cli.App) *cobra.Command {
	partitions := false
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show a link: what it copies, how far, and what is in the way",
		Args:  cli.One("name of a link"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.Answering(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
				state, err := declared(ctx, a, c, log)
				if err != nil {
					return err
				}
				l, there := state.Link(args[0])
				if !there {
					return unknown("show", args[0])
				}
				status, err := replication.ReadStatus(ctx, c, a.Prefix)
				if err != nil {
					return err
				}
				v := viewLink(l, &status, time.Now().UnixMilli())
				if partitions {
					v.Partitions = viewCopies(&l, &status, time.Now().UnixMilli())
				}
				return printLink(a, &v, asOf(a, state.At))
			})
		},
	}
	c.Flags().BoolVar(&partitions, "partitions", false, "with each partition; COPIED is how many records its replicator has copied since it has had it, and incidents are those of a day")
	return c
}

func printLink(a *cli.App, v *linkView, at string) error {
	if a.JSON() {
		return a.Object(v)
	}
	a.Printf("link %s  %s\n", a.Colour(render.Bold, v.Name), a.Colour(v.colour(), v.progress()))
	for _, f := range [][2]string{
		{"reason", v.Reason},
		{"remedy", v.Remedy},
		{"source", v.Source},
		{"copies", v.partitions()},
		{"chooses", chooses(v)},
		{"lag", v.waiting()},
		{"rate", fmt.Sprintf("%.0f records/s, %.0f bytes/s%s", v.RecordsPerSecond, v.BytesPerSecond, limits(v))},
		{"consistent", cli.Dash(v.ConsistentSince)},
		{"alive", v.alive()},
		{"last error", v.LastError},
		{"fence", fence(v)},
	} {
		if f[1] != "" {
			a.Printf("  %-11s %s\n", f[0], f[1])
		}
	}
	for _, p := range v.Problems {
		a.Printf("  %-11s %s %s: %s\n", "problem", cli.Dash(p.Topic), p.Code, p.Text)
	}
	printLosses(a, v.Losses)
	printDeleted(a, v.SourceDeleted)
	if err := printCopies(a, v.Partitions); err != nil {
		return err
	}
	return a.AsOf(at)
}

// chooses is what a link copies, in a line.
func chooses(v *linkView) string {
	text := string(v.Model)
	for _, l := range []struct {
		name  string
		items []string
	}{{"include", v.Include}, {"exclude", v.Exclude}, {"groups", v.Groups}, {"applications", v.Applications}} {
		if len(l.items) > 0 {
			text += " " + l.name + " " + strings.Join(l.items, " ")
		}
	}
	if v.Prefix != "" {
		text += " into " + v.Prefix + "TOPIC"
	}
	return text + routing(v)
}

// routing is which records a link copies that are routed: all of the link, or those of
// applications that say so.
func routing(v *linkView) string {
	r := &v.Routing
	of, zero := "", r.Header == "" && len(r.Allowed) == 0 && !r.Unrouted && !r.PassUnknown
	switch {
	case v.Model == links.Routed:
		of = "by header " + cmp.Or(r.Header, "sites")
	case zero || len(v.Applications) == 0:
		return ""
	default:
		of = "routed applications by their header, or " + cmp.Or(r.Header, "sites")
	}
	names := "any site may be named"
	if len(r.Allowed) > 0 {
		names = "allowed " + strings.Join(r.Allowed, " ") + ", "
		if r.PassUnknown {
			names += "other names are passed over"
		} else {
			names += "a record with other names cannot be copied"
		}
	}
	unrouted := "unrouted records are passed over"
	if r.Unrouted {
		unrouted = "unrouted records are copied"
	}
	return fmt.Sprintf("; %s: %s; %s", of, names, unrouted)
}

// limits are those of a link.
func limits(v *linkView) (text string) {
	if v.Spec.RecordsPerSecond > 0 {
		text += fmt.Sprintf(", at most %d records/s", v.Spec.RecordsPerSecond)
	}
	if v.Spec.BytesPerSecond > 0 {
		text += fmt.Sprintf(", at most %d bytes/s", v.Spec.BytesPerSecond)
	}
	return text
}

// fence warns of a link that copies without one.
func fence(v *linkView) string {
	if !v.Unfenced {
		return ""
	}
	return "copies also where the site's cluster has none: two replicators may then write records twice"
}

func printCopies(a *cli.App, views []copyView) error {
	if len(views) == 0 {
		return nil
	}
	t := &cli.Table{Head: []string{"TOPIC", "P", "INTO", "STATE", "NEXT", "END", "COPIED", "REASON"}}
	for _, v := range views {
		t.Add(cli.Plain(v.Topic), cli.Plain(v.Partition), cli.Plain(v.TargetTopic), cli.Marked(v.stands(), colour(v.State)),
			cli.Plain(v.next()), cli.Plain(v.SourceEnd), cli.Plain(v.Copied), cli.Plain(cli.Dash(v.Reason)))
	}
	if err := a.Table(t); err != nil {
		return err
	}
	for _, v := range views {
		if v.LastError != "" {
			a.Printf("%s/%d: %s (%s)\n", v.Topic, v.Partition, v.LastError, cli.Dash(v.Replicator))
		}
		if v.Remedy != "" {
			a.Printf("%s/%d: %s\n", v.Topic, v.Partition, v.Remedy)
		}
		for _, i := range v.Incidents {
			a.Printf("%s/%d@%d: %s %s ago, at %s%s\n", v.Topic, v.Partition, i.Offset, i.Reason, (time.Duration(i.AgeMs) * time.Millisecond).Round(time.Second), i.At, i.lost())
		}
		if v.IncidentsMore > 0 {
			a.Printf("%s/%d: %s not shown: the logs of the replicators that had it have them (\"a copy met an incident\")\n", v.Topic, v.Partition, render.Count(int(v.IncidentsMore), "earlier incident is", "earlier incidents are"))
		}
	}
	return nil
}
