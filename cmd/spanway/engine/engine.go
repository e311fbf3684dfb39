package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// Command is the noun engine.
func Command(a *cli.App) *cobra.Command {
	return cli.Noun("engine", "See engines, and drain them",
		list(a), show(a), watch(a), drain(a), resume(a))
}

// engineView is an engine as -o json prints it; the names are stable.
type engineView struct {
	ID           string                     `json:"id"`
	Pool         string                     `json:"pool"`
	Site         string                     `json:"site,omitempty"`
	State        string                     `json:"state"`
	Reason       string                     `json:"reason,omitempty"`
	Incarnation  string                     `json:"incarnation"`
	Labels       map[string]*structpb.Value `json:"labels"`
	Kinds        []string                   `json:"kinds"`
	Allocatable  map[string]int64           `json:"allocatable"`
	Reserved     map[string]int64           `json:"reserved"`
	Running      int                        `json:"running"`
	RegisteredAt string                     `json:"registered_at,omitempty"`
	ChangedAt    string                     `json:"changed_at,omitempty"`
	AsOf         string                     `json:"as_of"`
}

func view(e *query.Engine) engineView {
	kinds := slices.Clone(e.Kinds)
	slices.Sort(kinds)
	return engineView{
		ID: e.ID, Pool: e.Pool, Site: e.Site, State: e.State, Reason: e.Reason, Incarnation: e.Incarnation,
		Labels: cli.NonNil(e.Registration.GetLabels()), Kinds: kinds, Allocatable: cli.NonNil(e.Allocatable), Reserved: e.Reserved, Running: e.Attempts,
		RegisteredAt: cli.Stamp(e.RegisteredMs), ChangedAt: cli.Stamp(e.ChangedMs), AsOf: e.AsOf.String(),
	}
}

func stateColour(s string) string {
	switch s {
	case query.EngineReady:
		return render.Green
	case query.EngineDraining:
		return render.Yellow
	}
	return render.Red
}

func list(a *cli.App) *cobra.Command {
	var pool string
	var all bool
	var when cli.Moment
	c := &cobra.Command{
		Use:   "list",
		Short: "List engines with what they have and what is reserved",
		Args:  cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := when.Parse()
			if err != nil {
				return err
			}
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				engines, asOf, err := c.Engines(ctx, events.Pool(pool), at)
				if err != nil {
					return err
				}
				if !all {
					engines = slices.DeleteFunc(engines, func(e *query.Engine) bool {
						return e.State == query.EngineLost || e.State == query.EngineDeparted
					})
				}
				return printEngines(a, engines, asOf)
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "only this pool (default all)")
	c.Flags().BoolVar(&all, "all", false, "those that are lost or departed too")
	when.At(c)
	return c
}

func printEngines(a *cli.App, engines []*query.Engine, read []query.Position) error {
	t := &cli.Table{Head: []string{"ID", "POOL", "SITE", "STATE", "RUNNING", "RESERVED", "LABELS", "KINDS"}}
	var asOf []string
	for _, e := range engines {
		v := view(e)
		if a.JSON() {
			if err := a.Object(v); err != nil {
				return err
			}
			continue
		}
		t.Add(cli.Plain(v.ID), cli.Plain(v.Pool), cli.Plain(cli.Dash(v.Site)), cli.Marked(v.State, stateColour(v.State)), cli.Plain(v.Running),
			cli.Plain(cli.Dash(share(v.Reserved, v.Allocatable))), cli.Plain(cli.Dash(labels(v.Labels))), cli.Plain(strings.Join(v.Kinds, ",")))
		if !slices.Contains(asOf, v.AsOf) {
			asOf = append(asOf, v.AsOf)
		}
	}
	if a.JSON() {
		return nil
	}
	if len(engines) == 0 { // Then all that was read is the answer.
		for _, p := range read {
			asOf = append(asOf, p.String())
		}
	}
	a.Table(t)
	a.AsOf(asOf...)
	return nil
}

// share shows reserved of allocatable by dimension: slots=3/16.
func share(reserved, allocatable map[string]int64) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(allocatable)) {
		out = append(out, fmt.Sprintf("%s=%s/%s", name, render.Amount(name, reserved[name]), render.Amount(name, allocatable[name])))
	}
	return strings.Join(out, " ")
}

func labels(m map[string]*structpb.Value) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s=%v", name, m[name].AsInterface()))
	}
	return strings.Join(out, " ")
}

func show(a *cli.App) *cobra.Command {
	var pool string
	var when cli.Moment
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show one engine",
		Args:  cli.One("engine ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := when.Parse()
			if err != nil {
				return err
			}
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				e, err := c.Engine(ctx, events.Pool(pool), events.EngineID(args[0]), at)
				if err != nil {
					return err
				}
				v := view(e)
				if a.JSON() {
					return a.Object(v)
				}
				return printEngine(a, v, e)
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "its pool (default \"default\")")
	when.At(c)
	return c
}

func printEngine(a *cli.App, v engineView, e *query.Engine) error {
	a.Printf("engine %s  %s  pool %s\n", a.Colour(render.Bold, v.ID), a.Colour(stateColour(v.State), strings.ToUpper(v.State)), v.Pool)
	for _, f := range [][2]string{
		{"reason", v.Reason}, {"site", v.Site}, {"labels", labels(v.Labels)}, {"kinds", strings.Join(v.Kinds, ",")},
		{"reserved", share(v.Reserved, v.Allocatable)}, {"running", fmt.Sprint(v.Running)},
		{"since", fmt.Sprintf("%s (%s)", cli.Dash(v.RegisteredAt), render.Age(e.AsOfMs, e.RegisteredMs))}, {"incarnation", v.Incarnation},
	} {
		if f[1] != "" {
			a.Printf("  %-11s %s\n", f[0], f[1])
		}
	}
	return a.AsOf(v.AsOf)
}

func watch(a *cli.App) *cobra.Command {
	var pool string
	c := &cobra.Command{
		Use:   "watch [ID]",
		Short: "Print what happens to engines as it happens",
		Args:  cli.AtMostOne("engine ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				err := c.Watch(ctx, client.WatchConfig{Pool: events.Pool(pool), Began: a.Watching, Rewound: a.Rewound}, func(e client.Event) error {
					id := string(client.EngineOf(e.Message))
					if !strings.HasPrefix(string(e.Type), "spanway.engine.") || len(args) == 1 && id != args[0] {
						return nil
					}
					return a.PrintEvent(e, id)
				})
				return cmp.Or(err, ctx.Err())
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "only this pool (default all)")
	return c
}

func drain(a *cli.App) *cobra.Command {
	var pool, reason string
	c := &cobra.Command{
		Use:   "drain ID...",
		Short: "Stop engines from getting new work; what they run goes on",
		Args:  cli.Some("engine ID"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				defer a.Hint()()
				return cli.Each(ids, func(id string) error {
					if err := c.Drain(ctx, events.Pool(pool), events.EngineID(id), reason); err != nil {
						return err
					}
					return a.Said(map[string]any{"id": id, "state": query.EngineDraining}, "engine %s is draining", id)
				})
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "their pool (default \"default\")")
	c.Flags().StringVar(&reason, "reason", "", "why; shown by engine show")
	return c
}

func resume(a *cli.App) *cobra.Command {
	var pool string
	c := &cobra.Command{
		Use:   "resume ID...",
		Short: "Let drained engines get work again",
		Args:  cli.Some("engine ID"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				defer a.Hint()()
				return cli.Each(ids, func(id string) error {
					if err := c.Resume(ctx, events.Pool(pool), events.EngineID(id)); err != nil {
						return err
					}
					return a.Said(map[string]any{"id": id, "state": query.EngineReady}, "engine %s takes work again", id)
				})
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "their pool (default \"default\")")
	return c
}
