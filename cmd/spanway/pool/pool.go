package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// Command is the noun pool.
func Command(a *cli.App) *cobra.Command {
	return cli.Noun("pool", "See pools, set the shares of tenants in them, and move them between sites",
		list(a), show(a), watch(a), set(a), promote(a), replace(a))
}

// poolView is a pool as -o json prints it; the names are stable.
type poolView struct {
	Pool    string `json:"pool"`
	Waiting int    `json:"waiting"`
	Running int    `json:"running"`
	Engines int    `json:"engines"`
	// Weights are those that were set; every other tenant has 1.
	Weights map[string]int32 `json:"weights"`
	// ReserveAfter is a duration or "never".
	ReserveAfter string `json:"reserve_after"`
	// Imported is where the pool was taken over from last, as CLUSTER/TOPIC/PARTITION@OFFSET.
	Imported string `json:"imported,omitempty"`
	// Replaced: its tasks are placed at another site.
	Replaced bool   `json:"replaced,omitempty"`
	AsOf     string `json:"as_of,omitempty"`
}

func viewPool(p *query.Pool) poolView {
	return poolView{
		Pool: string(p.Pool), Waiting: p.Waiting, Running: p.Running, Engines: p.Engines,
		Weights: cli.NonNil(p.Settings.GetTenantWeights()), ReserveAfter: cli.ReserveAfter(p.Settings), Imported: p.Imported, Replaced: p.Replaced, AsOf: p.AsOf.String(),
	}
}

func list(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List pools with what waits and runs in them, and their settings",
		Args:  cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				pools, read, err := c.Pools(ctx)
				if err != nil {
					return err
				}
				return printPools(a, pools, read)
			})
		},
	}
}

func printPools(a *cli.App, pools []*query.Pool, read []query.Position) error {
	t := &cli.Table{Head: []string{"POOL", "WAITING", "RUNNING", "ENGINES", "RESERVE AFTER", "WEIGHTS"}}
	var asOf []string
	for _, p := range pools {
		v := viewPool(p)
		if a.JSON() {
			if err := a.Object(v); err != nil {
				return err
			}
			continue
		}
		t.Add(cli.Plain(v.Pool), cli.Plain(v.Waiting), cli.Plain(v.Running), cli.Plain(v.Engines), cli.Plain(v.ReserveAfter), cli.Plain(cli.Dash(cli.Weights(v.Weights))))
		if !slices.Contains(asOf, v.AsOf) {
			asOf = append(asOf, v.AsOf)
		}
	}
	if a.JSON() {
		return nil
	}
	if len(pools) == 0 { // Then all that was read is the answer.
		for _, p := range read {
			asOf = append(asOf, p.String())
		}
	}
	a.Table(t)
	a.AsOf(asOf...)
	return nil
}

func show(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show one pool",
		Args:  cli.One("name of a pool"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				p, err := c.Pool(ctx, events.Pool(args[0]))
				if err != nil {
					return err
				}
				v := viewPool(p)
				if a.JSON() {
					return a.Object(v)
				}
				return printPool(a, v)
			})
		},
	}
}

func printPool(a *cli.App, v poolView) error {
	a.Printf("pool %s\n", a.Colour(render.Bold, v.Pool))
	for _, f := range [][2]string{
		{"tasks", fmt.Sprintf("%d waiting, %d running", v.Waiting, v.Running)},
		{"engines", fmt.Sprint(v.Engines)},
		{"reserve after", v.ReserveAfter},
		{"weights", cli.Dash(cli.Weights(v.Weights))},
	} {
		a.Printf("  %-13s %s\n", f[0], f[1])
	}
	if v.Imported != "" {
		a.Printf("  %-13s %s\n", "taken over", "from "+v.Imported)
	}
	if v.Replaced {
		a.Printf("  %-13s %s\n", "replaced", "its tasks are placed at another site")
	}
	return a.AsOf(v.AsOf)
}

func watch(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "watch [NAME]",
		Short: "Print changes of pools' settings and sites as they happen",
		Args:  cli.AtMostOne("name of a pool"),
		RunE: func(cmd *cobra.Command, args []string) error {
			pool := events.Pool(strings.Join(args, ""))
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				return c.Watch(ctx, client.WatchConfig{Pool: pool, Began: a.Watching, Rewound: a.Rewound}, func(e client.Event) error {
					switch m := e.Message.(type) {
					case *events.PoolConfigured, *events.PoolPromoted, *events.PoolReplaced:
						return a.PrintEvent(e, string(client.PoolOf(m)))
					}
					return nil
				})
			})
		},
	}
}

func set(a *cli.App) *cobra.Command {
	var given map[string]int32
	var reserve string
	c := &cobra.Command{
		Use:   "set NAME [--weight TENANT=N]... [--reserve-after DURATION]",
		Short: "Change the settings of a pool; what is not given stays",
		Long: `Change the settings of a pool. Tenants with tasks of equal priority that wait
get assignments in proportion to their weights, 1 to 1000; a weight of 1 is that
of every tenant that is not named. A task that is passed over for as long as
--reserve-after says because it is larger than what becomes free gets an engine
reserved ("never" for none, "default" for 10s).

What is set is read first and written whole: of two that set a pool at the same
moment, the second wins.`,
		Example: `  spanway pool set default --weight acme=3 --weight zeta=2 --reserve-after 30s`,
		Args:    cli.One("name of a pool"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(given) == 0 && !cmd.Flags().Changed("reserve-after") {
				return cli.Usage("nothing to set: give --weight TENANT=N or --reserve-after DURATION")
			}
			return a.Connected(cmd.Context(), func(ctx context.Context, c *cli.Conn) error {
				p, err := c.Pool(ctx, events.Pool(args[0]))
				if err != nil {
					return err
				}
				if err := change(p.Settings, given, reserve); err != nil {
					return err
				}
				defer a.Hint()()
				if err := c.Configure(ctx, p.Pool, p.Settings); err != nil {
					return err
				}
				v := viewPool(p)
				return a.Said(map[string]any{"pool": v.Pool, "weights": v.Weights, "reserve_after": v.ReserveAfter},
					"pool %s: reserve after %s, weights %s", v.Pool, v.ReserveAfter, cli.Dash(cli.Weights(v.Weights)))
			})
		},
	}
	cli.PairsOf(c.Flags(), &given, weight, "weight", "share of a tenant, such as acme=3; 1 takes the tenant off the list")
	c.Flags().StringVar(&reserve, "reserve-after", "", "how long a large task is passed over: 30s, never, or default")
	return c
}

// weight reads the share of a tenant.
func weight(words []cli.Word) (int32, error) {
	n, err := strconv.ParseInt(words[0].Text, 10, 32)
	if err != nil || len(words) > 1 {
		return 0, errors.New("give an integer from 1 to 1000")
	}
	return int32(n), nil
}

// change makes settings what the flags say.
func change(s *events.PoolSettings, given map[string]int32, reserve string) error {
	for tenant, w := range given {
		if w == 1 {
			delete(s.TenantWeights, tenant)
			continue
		}
		s.TenantWeights = cli.NonNil(s.TenantWeights)
		s.TenantWeights[tenant] = w // The scheduler refuses what is out of bounds.
	}
	switch reserve {
	case "":
	case "never":
		s.ReserveAfterMs = -1
	case "default":
		s.ReserveAfterMs = 0
	default:
		d, err := events.ParseDuration(reserve)
		if err != nil || d < time.Millisecond {
			return cli.Usage("--reserve-after %q: give a duration of at least 1ms such as 30s, never, or default", reserve)
		}
		s.ReserveAfterMs = d.Milliseconds()
	}
	return nil
}
