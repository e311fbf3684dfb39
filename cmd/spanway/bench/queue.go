package bench

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/bench"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
)

func queues(a *cli.App) *cobra.Command {
	cfg := bench.QueueConfig{}
	c := &cobra.Command{
		Use:   "queue",
		Short: "Measure entries a second, claims, and what a queue costs by its size",
		Long: `Put entries into a queue, many at once and one at a time, and have workers claim
and finish some of them. Before each round the bare wire is measured: the same
records appended in batches of the same size and fetched again, with nobody who
decides anything; the ratio of the two says what the deciding costs, whatever the
machine does that minute. An entry that is handed out twice is an error. Then a
queue is filled to each of the sizes and opened again, from its log and from a
snapshot. It starts its own broker on a free port unless --brokers, --cluster or
--context is given; what it creates there it deletes again.`,
		Example: `  spanway bench queue --sizes 1000,1000000 -o json`,
		Args:    cli.None,
	}
	measuring(c, &cfg, func(ctx context.Context, ownBroker bool) error { return measureQueues(ctx, a, cfg, ownBroker) })
	f := c.Flags()
	f.IntVar(&cfg.Entries, "entries", 200_000, "how many in each round")
	f.IntVar(&cfg.Rounds, "rounds", 5, "rounds of the bare wire and the queue; the figures are medians")
	f.IntVar(&cfg.Size, "size", 100, "bytes of each payload")
	f.IntVar(&cfg.Singles, "singles", 1000, "how many are put in one at a time, in each round")
	f.IntVar(&cfg.Claims, "claims", 50_000, "how many are claimed and finished in each round")
	f.IntVar(&cfg.Workers, "workers", 16, "how many claim at once")
	f.IntSliceVar(&cfg.Sizes, "sizes", []int{1000, 10_000, 100_000, 1_000_000}, "how many entries the queues hold whose costs are measured last")
	return c
}

func measureQueues(ctx context.Context, a *cli.App, cfg bench.QueueConfig, ownBroker bool) error {
	log, err := telemetry.Logger(a.Err, "text", "warn")
	if err != nil {
		return err
	}
	cfg.Logger, cfg.Prefix, cfg.Name = log, a.Prefix, "bench-"+uuid.NewString()[:8]
	c, stop, err := connect(ctx, a, log, ownBroker)
	if err != nil {
		return err
	}
	defer stop()
	cfg.Cluster = c
	cfg.Progress = bar(a, "entries", cfg.Work())
	r, err := bench.RunQueue(ctx, cfg)
	if err != nil {
		return err
	}
	if a.JSON() {
		return a.Object(r)
	}
	return printQueues(a, r)
}

// connect connects to the cluster that the flags name, or to a broker of its own.
func connect(ctx context.Context, a *cli.App, log *slog.Logger, ownBroker bool) (c *cluster.Cluster, stop func(), err error) {
	if !ownBroker {
		if c, err = a.Cluster("bench", log); err != nil {
			return nil, nil, err
		}
		if err = a.Answers(ctx, c); err != nil {
			c.Close()
			return nil, nil, err
		}
		return c, c.Close, nil
	}
	broker, err := embedded.Start(embedded.Config{})
	if err != nil {
		return nil, nil, err
	}
	c, err = cluster.Open(cluster.Config{Brokers: broker.Addrs(), ClientID: "spanway-bench", Logger: log})
	if err != nil {
		broker.Close()
		return nil, nil, err
	}
	return c, func() {
		c.Close()
		broker.Close()
	}, nil
}

func printQueues(a *cli.App, r bench.QueueResult) error {
	a.Printf("%d entries of %d bytes, %d an append: %.0f entries/s, median of %d\n",
		r.Entries, r.Size, r.Enqueue.RecordsPerAppend, r.Enqueue.PerSecond, len(r.Enqueue.Rounds))
	printCompared(a, r.Enqueue)
	a.Printf("one at a time: p50 %.2f ms, p99 %.2f ms; on the bare wire %.2f and %.2f ms\n",
		r.SingleP50, r.SingleP99, r.WireSingleP50, r.WireSingleP99)
	a.Printf("%d claimed and finished by %d workers: %.0f entries/s; %d handed out twice\n", r.Claims, r.Workers, r.Claim.PerSecond, r.Doubles)
	printCompared(a, r.Claim)
	if len(r.Sizes) == 0 {
		return nil
	}
	t := &cli.Table{Head: []string{"ENTRIES", "ENQUEUED/S", "PAGE OF 100", "OPEN: LOG", "FETCH ALONE", "OPEN: SNAPSHOT", "SNAPSHOT TAKEN", "BYTES EACH"}}
	ms := func(v float64) cli.Cell { return cli.Plain(fmt.Sprintf("%.1f ms", v)) }
	for _, s := range r.Sizes {
		t.Add(cli.Plain(s.Entries), cli.Plain(int(s.EnqueuedPerSecond)), cli.Plain(fmt.Sprintf("%.1f us", s.Page)),
			ms(s.OpenLog), ms(s.Fetch), ms(s.OpenSnapshot), ms(s.SnapshotPause), cli.Plain(int(s.Memory)))
	}
	return a.Table(t)
}

func printCompared(a *cli.App, c bench.Compared) {
	a.Printf("  the bare wire: %.0f entries/s; the queue runs at %.2f of that\n", c.WirePerSecond, c.Ratio)
	a.Printf("  CPU of this process: %.1f us an entry, %.1f us on the bare wire; %.0f allocations, %.0f bytes an entry\n",
		c.CPU, c.WireCPU, c.Allocations, c.AllocatedBytes)
	a.Printf("  rounds:")
	for i := range c.Rounds {
		a.Printf(" %.0f/%.0f=%.2f", c.Rounds[i], c.RoundWire[i], c.RoundRatio[i])
	}
	a.Printf("\n")
}
