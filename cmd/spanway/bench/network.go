package bench

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/bench"
	"github.com/spanway/spanway/internal/telemetry"
)

func networks(a *cli.App) *cobra.Command {
	cfg := bench.NetworkConfig{}
	c := &cobra.Command{
		Use:   "network",
		Short: "Measure changes of logical networks a second, and how soon sites have them",
		Long: `Have a global manager decide changes of one object each, which all sites get, many
at once and one at a time, with each of the numbers of sites; one at a time also
while one of the sites is down. Then a new site gets all objects by a full sync.
The global manager, its queues and channels are real, and so are the records that
the sites read and write; their tasks succeed at once, without a scheduler and an
engine, and all is on one cluster. It starts its own broker on a free port unless
--brokers, --cluster or --context is given; what it creates there it deletes again.`,
		Example: `  spanway bench network --sites 1,10 --objects 0 -o json`,
		Args:    cli.None,
	}
	measuring(c, &cfg, func(ctx context.Context, ownBroker bool) error { return measureNetworks(ctx, a, cfg, ownBroker) })
	f := c.Flags()
	f.IntSliceVar(&cfg.Sites, "sites", []int{1, 10, 100}, "numbers of sites to measure with")
	f.IntVar(&cfg.Changes, "changes", 5000, "how many changes at once")
	f.IntVar(&cfg.Singles, "singles", 300, "how many changes one at a time, and as many with a site down")
	f.IntVar(&cfg.Objects, "objects", 100_000, "how many objects a full sync has; 0 to leave that out")
	return c
}

func measureNetworks(ctx context.Context, a *cli.App, cfg bench.NetworkConfig, ownBroker bool) error {
	log, err := telemetry.Logger(a.Err, "text", "error") // A site that is down is warned of.
	if err != nil {
		return err
	}
	cfg.Logger, cfg.Prefix, cfg.Name = log, a.Prefix, "bench-"+uuid.NewString()[:8]
	c, stop, err := connect(ctx, a, log, ownBroker)
	if err != nil {
		return err
	}
	defer stop()
	cfg.Cluster, cfg.Progress = c, bar(a, "changes", cfg.Work())
	r, err := bench.RunNetwork(ctx, cfg)
	if err != nil {
		return err
	}
	if a.JSON() {
		return a.Object(r)
	}
	return printNetworks(a, r)
}

func printNetworks(a *cli.App, r bench.NetworkResult) error {
	t := &cli.Table{Head: []string{"SITES", "ACCEPTED/S", "REALISED AT ALL/S", "RECEIVED: P50", "P99", "REALISED: P50", "P99", "ONE DOWN: P50", "P99"}}
	ms := func(v float64) cli.Cell { return cli.Plain(fmt.Sprintf("%.2f ms", v)) }
	for _, s := range r.Sites {
		down := []cli.Cell{cli.Plain("-"), cli.Plain("-")}
		if s.Down != nil {
			down = []cli.Cell{ms(s.Down.RealisedP50), ms(s.Down.RealisedP99)}
		}
		t.Add(append([]cli.Cell{
			cli.Plain(s.Sites), cli.Plain(int(s.AcceptedPerSecond)), cli.Plain(int(s.DeliveredPerSecond)),
			ms(s.Up.ReceivedP50), ms(s.Up.ReceivedP99), ms(s.Up.RealisedP50), ms(s.Up.RealisedP99),
		}, down...)...)
	}
	if err := a.Table(t); err != nil || r.Sync == nil {
		return err
	}
	a.Printf("full sync of %d objects: %.2f s; the global manager and a site have %.0f bytes an object, %.0f with a tenth of them\n",
		r.Sync.Objects, r.Sync.Seconds, r.Sync.Memory, r.Sync.MemoryTenth)
	return nil
}
