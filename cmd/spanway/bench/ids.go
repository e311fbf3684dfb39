package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/bench"
	"github.com/spanway/spanway/internal/telemetry"
)

func identifiers(a *cli.App) *cobra.Command {
	cfg := bench.IDsConfig{}
	c := &cobra.Command{
		Use:   "ids",
		Short: "Measure grants of identifiers a second, and what they cost by the size of a space",
		Long: `Have callers ask an allocator for ranges, one at a time each, with one caller and
with many; and compare every range with all others: an identifier that is granted
twice is an error. Beside that runs, in each round, what a program without an
allocator does: a plain loop of WATCH, GET, MULTI, SET and EXEC on the same Redis,
with as many callers. It writes no log. The bare wire is measured, too: the same
records appended in batches of the same size and fetched again, with nobody who
decides anything. Then a space is filled to each of the sizes, and ranges are
granted and released in it. The allocator is its own, on topics of its own, which
it deletes again. It starts its own broker on a free port unless --brokers,
--cluster or --context is given, and its own Redis unless --redis is given.`,
		Example: `  spanway bench ids --redis 127.0.0.1:6379 --callers 64 -o json`,
		Args:    cli.None,
	}
	measuring(c, &cfg, func(ctx context.Context, ownBroker bool) error { return measureIDs(ctx, a, cfg, ownBroker) })
	f := c.Flags()
	f.IntVar(&cfg.Callers, "callers", 64, "how many ask at the same time")
	f.IntVar(&cfg.Count, "count", 1, "how many identifiers each grant has")
	f.IntVar(&cfg.Rounds, "rounds", 5, "rounds of the plain loop, grants and the bare wire; the figures are medians")
	f.DurationVar(&cfg.Duration, "duration", 2*time.Second, "how long each of them is measured")
	f.IntSliceVar(&cfg.Sizes, "sizes", []int{1, 1000, 100_000}, "how many live ranges the spaces hold whose costs are measured last")
	f.StringVar(&cfg.Redis, "redis", "", "address of Redis, host:port, without TLS and password (default one of its own)")
	return c
}

func measureIDs(ctx context.Context, a *cli.App, cfg bench.IDsConfig, ownBroker bool) error {
	level := "warn"
	if ownBroker { // An allocator warns of topics that are good for development only; these are.
		level = "error"
	}
	log, err := telemetry.Logger(a.Err, "text", level)
	if err != nil {
		return err
	}
	cfg.Logger, cfg.Prefix, cfg.Name = log, a.Prefix, "bench-"+uuid.NewString()[:8]
	c, stop, err := connect(ctx, a, log, ownBroker)
	if err != nil {
		return err
	}
	defer stop()
	cfg.Cluster, cfg.Progress = c, bar(a, "measurements", cfg.Work())
	r, err := bench.RunIDs(ctx, cfg)
	if err != nil {
		return err
	}
	if a.JSON() {
		return a.Object(r)
	}
	return printIDs(a, r)
}

func printIDs(a *cli.App, r bench.IDsResult) error {
	a.Printf("Redis: %s; grants of %d, each measured for %.1f s; %d ranges compared, %d overlap\n", r.Redis, r.Count, r.Seconds, r.Granted, r.Overlaps)
	printGrants(a, r.Many)
	printGrants(a, r.Single)
	if len(r.Sizes) == 0 {
		return nil
	}
	t := &cli.Table{Head: []string{"LIVE RANGES", "FILLED/S", "GRANTED+RELEASED/S", "ONE CALLER: P50", "P99"}}
	for _, s := range r.Sizes {
		t.Add(cli.Plain(s.Ranges), cli.Plain(int(s.FilledPerSecond)), cli.Plain(int(s.PerSecond)),
			cli.Plain(fmt.Sprintf("%.2f ms", s.P50)), cli.Plain(fmt.Sprintf("%.2f ms", s.P99)))
	}
	return a.Table(t)
}

func printGrants(a *cli.App, g bench.Grants) {
	a.Printf("callers: %d; %.0f grants/s, p50 %.2f ms, p99 %.2f ms, median of %d\n", g.Callers, g.PerSecond, g.P50, g.P99, len(g.Rounds))
	a.Printf("  the plain WATCH loop: %.0f/s, p50 %.2f ms, p99 %.2f ms; grants are %.2f times as fast\n", g.WatchPerSecond, g.WatchP50, g.WatchP99, g.WatchRatio)
	a.Printf("  the bare wire: enough for %.0f grants/s; they run at %.2f of that\n", g.WirePerSecond, g.WireRatio)
	a.Printf("  CPU of this process: %.1f us a grant, %.1f us in the plain loop, %.1f us on the bare wire; %.0f allocations, %.0f bytes a grant\n",
		g.CPU, g.WatchCPU, g.WireCPU, g.Allocations, g.AllocatedBytes)
	a.Printf("  rounds:")
	for i := range g.Rounds {
		a.Printf(" %.0f/%.0f/%.0f", g.Rounds[i], g.RoundWatch[i], g.RoundWire[i])
	}
	a.Printf("\n")
}
