package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

func (a *app) engineCommand() *cobra.Command {
	return noun("engine", "See engines, and drain them",
		a.engineList(), a.engineShow(), a.engineWatch(), a.engineDrain(), a.engineResume())
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

func viewEngine(e *query.Engine) engineView {
	kinds := slices.Clone(e.Kinds)
	slices.Sort(kinds)
	return engineView{
		ID: e.ID, Pool: e.Pool, Site: e.Site, State: e.State, Reason: e.Reason, Incarnation: e.Incarnation,
		Labels: nonNil(e.Registration.GetLabels()), Kinds: kinds, Allocatable: nonNil(e.Allocatable), Reserved: e.Reserved, Running: e.Attempts,
		RegisteredAt: stamp(e.RegisteredMs), ChangedAt: stamp(e.ChangedMs), AsOf: e.AsOf.String(),
	}
}

func nonNil[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

func engineColour(s string) string {
	switch s {
	case query.EngineReady:
		return green
	case query.EngineDraining:
		return yellow
	}
	return red
}

func (a *app) engineList() *cobra.Command {
	var pool string
	var all bool
	var when moment
	c := &cobra.Command{
		Use:   "list",
		Short: "List engines with what they have and what is reserved",
		Args:  none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := when.parse()
			if err != nil {
				return err
			}
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				engines, asOf, err := c.Engines(ctx, events.Pool(pool), at)
				if err != nil {
					return err
				}
				if !all {
					engines = slices.DeleteFunc(engines, func(e *query.Engine) bool {
						return e.State == query.EngineLost || e.State == query.EngineDeparted
					})
				}
				return a.printEngines(engines, asOf)
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "only this pool (default all)")
	c.Flags().BoolVar(&all, "all", false, "those that are lost or departed too")
	when.at(c)
	return c
}

func (a *app) printEngines(engines []*query.Engine, read []query.Position) error {
	t := &table{head: []string{"ID", "POOL", "SITE", "STATE", "RUNNING", "RESERVED", "LABELS", "KINDS"}}
	var asOf []string
	for _, e := range engines {
		v := viewEngine(e)
		if a.json() {
			if err := a.object(v); err != nil {
				return err
			}
			continue
		}
		t.add(plain(v.ID), plain(v.Pool), plain(dash(v.Site)), cell{v.State, engineColour(v.State)}, plain(v.Running),
			plain(dash(share(v.Reserved, v.Allocatable))), plain(dash(labels(v.Labels))), plain(strings.Join(v.Kinds, ",")))
		if !slices.Contains(asOf, v.AsOf) {
			asOf = append(asOf, v.AsOf)
		}
	}
	if a.json() {
		return nil
	}
	if len(engines) == 0 { // Then all that was read is the answer.
		for _, p := range read {
			asOf = append(asOf, p.String())
		}
	}
	a.table(t)
	a.asOf(asOf...)
	return nil
}

// share shows reserved of allocatable by dimension: slots=3/16.
func share(reserved, allocatable map[string]int64) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(allocatable)) {
		out = append(out, fmt.Sprintf("%s=%s/%s", name, amount(name, reserved[name]), amount(name, allocatable[name])))
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

func (a *app) engineShow() *cobra.Command {
	var pool string
	var when moment
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show one engine",
		Args:  one("engine ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := when.parse()
			if err != nil {
				return err
			}
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				e, err := c.Engine(ctx, events.Pool(pool), events.EngineID(args[0]), at)
				if err != nil {
					return err
				}
				v := viewEngine(e)
				if a.json() {
					return a.object(v)
				}
				fmt.Fprintf(a.out, "engine %s  %s  pool %s\n", a.colour(bold, v.ID), a.colour(engineColour(v.State), strings.ToUpper(v.State)), v.Pool)
				for _, f := range [][2]string{
					{"reason", v.Reason}, {"site", v.Site}, {"labels", labels(v.Labels)}, {"kinds", strings.Join(v.Kinds, ",")},
					{"reserved", share(v.Reserved, v.Allocatable)}, {"running", fmt.Sprint(v.Running)},
					{"since", fmt.Sprintf("%s (%s)", dash(v.RegisteredAt), age(time.UnixMilli(e.AsOfMs), e.RegisteredMs))}, {"incarnation", v.Incarnation},
				} {
					if f[1] != "" {
						fmt.Fprintf(a.out, "  %-11s %s\n", f[0], f[1])
					}
				}
				a.asOf(v.AsOf)
				return nil
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "its pool (default \"default\")")
	when.at(c)
	return c
}

func (a *app) engineWatch() *cobra.Command {
	var pool string
	c := &cobra.Command{
		Use:   "watch [ID]",
		Short: "Print what happens to engines as it happens",
		Args:  atMostOne("engine ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				return c.Watch(ctx, client.WatchConfig{Pool: events.Pool(pool), Began: a.watching}, func(e client.Event) error {
					id := string(client.EngineOf(e.Message))
					if !strings.HasPrefix(string(e.Type), "spanway.engine.") || len(args) == 1 && id != args[0] {
						return nil
					}
					return a.printEvent(e, id)
				})
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "only this pool (default all)")
	return c
}

func (a *app) engineDrain() *cobra.Command {
	var pool, reason string
	c := &cobra.Command{
		Use:   "drain ID...",
		Short: "Stop engines from getting new work; what they run goes on",
		Args:  some("engine ID"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				defer a.hint()()
				return each(ids, func(id string) error {
					if err := c.Drain(ctx, events.Pool(pool), events.EngineID(id), reason); err != nil {
						return err
					}
					return a.said(map[string]any{"id": id, "state": query.EngineDraining}, "engine %s is draining", id)
				})
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "their pool (default \"default\")")
	c.Flags().StringVar(&reason, "reason", "", "why; shown by engine show")
	return c
}

func (a *app) engineResume() *cobra.Command {
	var pool string
	c := &cobra.Command{
		Use:   "resume ID...",
		Short: "Let drained engines get work again",
		Args:  some("engine ID"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				defer a.hint()()
				return each(ids, func(id string) error {
					if err := c.Resume(ctx, events.Pool(pool), events.EngineID(id)); err != nil {
						return err
					}
					return a.said(map[string]any{"id": id, "state": query.EngineReady}, "engine %s takes work again", id)
				})
			})
		},
	}
	c.Flags().StringVar(&pool, "pool", "", "their pool (default \"default\")")
	return c
}
