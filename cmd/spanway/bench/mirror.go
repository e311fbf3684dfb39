package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/bench"
	"github.com/spanway/spanway/internal/telemetry"
)

func mirrors(a *cli.App) *cobra.Command {
	cfg := bench.MirrorConfig{}
	profile := ""
	c := &cobra.Command{
		Use:   "mirror",
		Short: "Measure how fast and how late a replicator copies",
		Long: `Copy topics between two brokers that it starts on free ports, with a replicator
in this process; other brokers cannot be named. First a full topic for each of the sizes and numbers of
partitions: from when its first record stands in the target to the last. Then records at a
steady rate: the time from a write until the copy is read; the time until new
topics are found; and how late copies are while many topics appear at once. CPU
is that of this process, which includes both brokers; 'make bench-mirror' measures
a replicator alone, beside MirrorMaker 2, on Apache Kafka.`,
		Example: `  spanway bench mirror --records 100000 --sizes 200 --partitions 1,16 -o json`,
		Args:    cli.None,
	}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if flag := named(cmd); flag != "" {
			return cli.Usage("--%s names a cluster, and bench mirror starts two brokers of its own: leave it out", flag)
		}
		if err := cfg.Validate(); err != nil {
			return cli.Misuse(err)
		}
		stop, err := startProfile(profile)
		if err != nil {
			return err
		}
		defer stop()
		return measureMirror(cmd.Context(), a, &cfg)
	}
	f := c.Flags()
	f.StringVar(&profile, "cpu-profile", "", "write a CPU profile to this file")
	f.IntVar(&cfg.Records, "records", 1_000_000, "how many each full topic has")
	f.IntSliceVar(&cfg.Sizes, "sizes", []int{200, 2048}, "bytes of the values of full topics")
	f.IntSliceVar(&cfg.Partitions, "partitions", []int{1, 16, 128}, "how many partitions full topics have")
	f.IntVar(&cfg.Rate, "rate", 1000, "records a second while the delay is measured; 0 to leave that out")
	f.DurationVar(&cfg.Duration, "duration", 10*time.Second, "how long that is measured")
	f.IntVar(&cfg.Found, "found", 10, "how many new topics to find, one at a time")
	f.IntVar(&cfg.Crowd, "crowd", 500, "how many topics appear at once")
	return c
}

func measureMirror(ctx context.Context, a *cli.App, cfg *bench.MirrorConfig) error {
	log, err := telemetry.Logger(a.Err, "text", "warn")
	if err != nil {
		return err
	}
	p, err := bench.StartPair(ctx, a.Prefix, log)
	if err != nil {
		return err
	}
	defer p.Stop()
	cfg.Source, cfg.Target, cfg.Prefix = p.Source, p.Target, "bench-"+uuid.NewString()[:8]+"."
	cfg.Mirror = &bench.Linked{Site: p.Site, Target: p.Target, Source: "source", Prefix: a.Prefix, Used: bench.ThisProcess}
	cfg.Progress = bar(a, "records", cfg.Work())
	r, err := bench.RunMirror(ctx, cfg)
	if err := errors.Join(err, p.Failed()); err != nil {
		return err
	}
	if a.JSON() {
		return a.Object(r)
	}
	return printMirror(a, &r)
}

// foundGoal is within how many milliseconds a new topic is to be found.
const foundGoal = 1000

func printMirror(a *cli.App, r *bench.MirrorResult) error {
	t := &cli.Table{Head: []string{"BYTES", "PARTITIONS", "RECORDS", "RECORDS/S", "MB/S", "CPU A RECORD"}}
	for i := range r.Copies {
		c := &r.Copies[i]
		t.Add(cli.Plain(c.Size), cli.Plain(c.Partitions), cli.Plain(c.Records), cli.Plain(int(c.RecordsPerSecond)),
			cli.Plain(fmt.Sprintf("%.1f", c.MegabytesASecond)), cli.Plain(fmt.Sprintf("%.1f us", c.CPU)))
	}
	if err := a.Table(t); err != nil {
		return err
	}
	if r.Delay.Records > 0 {
		a.Printf("from a write until the copy is read: p50 %.2f ms, p99 %.2f ms, at most %.2f ms\n", r.Delay.P50, r.Delay.P99, r.Delay.Max)
		a.Printf("and until the record itself is read at the source: p50 %.2f ms, p99 %.2f ms, at most %.2f ms\n", r.Source.P50, r.Source.P99, r.Source.Max)
	}
	if r.FoundMax > 0 {
		verdict := "within"
		if r.FoundMax > foundGoal {
			verdict = "beyond"
		}
		a.Printf("from when a topic is made until its first record is copied: p50 %.0f ms, at most %.0f ms, %s the goal of %d ms\n", r.FoundP50, r.FoundMax, verdict, foundGoal)
	}
	if r.CrowdTopics > 0 {
		a.Printf("while %d topics appear (%.1f s): p50 %.2f ms, p99 %.2f ms, at most %.2f ms\n",
			r.CrowdTopics, r.CrowdFound/1000, r.Crowd.P50, r.Crowd.P99, r.Crowd.Max)
	}
	return nil
}
