package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/bench"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator"
)

func mirrors(a *cli.App) *cobra.Command {
	cfg := bench.MirrorConfig{}
	profile := ""
	c := &cobra.Command{
		Use:   "mirror",
		Short: "Measure how fast and how late a replicator copies",
		Long: `Copy topics between two brokers that it starts on free ports, with a replicator
in this process. First a full topic for each of the sizes and numbers of
partitions: from when its first record stands in the target to the last. Then records at a
steady rate: the time from a write until the copy is read; the time until new
topics are found; and how late copies are while many topics appear at once. CPU
is that of this process, which includes both brokers; 'make bench-mirror' measures
a replicator alone, beside MirrorMaker 2, on Apache Kafka.`,
		Example: `  spanway bench mirror --records 100000 --sizes 200 --partitions 1,16 -o json`,
		Args:    cli.None,
	}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
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
	p, err := startPair(ctx, a.Prefix, log)
	if err != nil {
		return err
	}
	defer p.stop()
	cfg.Source, cfg.Target, cfg.Prefix = p.source, p.target, "bench-"+uuid.NewString()[:8]+"."
	cfg.Mirror = &bench.Linked{Site: p.site, Target: p.target, Source: "source", Prefix: a.Prefix, Used: bench.ThisProcess}
	cfg.Progress = bar(a, "records", cfg.Work())
	r, err := bench.RunMirror(ctx, cfg)
	if err := errors.Join(err, p.failed()); err != nil {
		return err
	}
	if a.JSON() {
		return a.Object(r)
	}
	return printMirror(a, &r)
}

// pair is two brokers and a replicator between them.
type pair struct {
	source, target *cluster.Cluster
	site           *replication.Site
	ended          error
	ends           []func()
}

func startPair(ctx context.Context, prefix string, log *slog.Logger) (p *pair, err error) {
	p = &pair{}
	defer func() {
		if err != nil {
			p.stop()
		}
	}()
	for name, c := range map[string]**cluster.Cluster{"source": &p.source, "target": &p.target} {
		broker, err := embedded.Start(embedded.Config{ClusterID: name})
		if err != nil {
			return nil, err
		}
		p.ends = append(p.ends, broker.Close)
		if *c, err = cluster.Open(cluster.Config{Brokers: []string{broker.Addr()}, ClientID: "spanway-bench", Logger: log}); err != nil {
			return nil, err
		}
		p.ends = append(p.ends, (*c).Close)
	}
	if p.site, err = replication.Open(ctx, p.target, replication.Options{Prefix: prefix, Create: true, Brief: true, Logger: log}); err != nil {
		return nil, err
	}
	p.ends = append(p.ends, func() { p.ended = errors.Join(p.ended, p.site.Close()) })
	return p, p.replicate(ctx, prefix, log)
}

// replicate runs a replicator until stop.
func (p *pair) replicate(ctx context.Context, prefix string, log *slog.Logger) error {
	conf := replicator.DefaultConfig()
	conf.Prefix, conf.Site, conf.Instance = prefix, "target", "bench"
	r, err := replicator.New(conf, replicator.Deps{Cluster: p.target, Sources: map[string]*cluster.Cluster{"source": p.source}, Logger: log})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := r.Run(ctx); err != nil && ctx.Err() == nil {
			p.ended = err
		}
	}()
	p.ends = append(p.ends, func() {
		cancel()
		<-ended
	})
	select {
	case <-r.Ready():
		return nil
	case <-ended:
		return p.ended
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends what was started, the last first.
func (p *pair) stop() {
	for len(p.ends) > 0 {
		last := len(p.ends) - 1
		p.ends[last]()
		p.ends = p.ends[:last]
	}
}

// failed stops, and says what of it has failed.
func (p *pair) failed() error {
	p.stop()
	return p.ended
}

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
	}
	if r.FoundMax > 0 {
		a.Printf("from when a topic is made until its first record is copied: p50 %.0f ms, at most %.0f ms\n", r.FoundP50, r.FoundMax)
	}
	if r.CrowdTopics > 0 {
		a.Printf("while %d topics appear (%.1f s): p50 %.2f ms, p99 %.2f ms, at most %.2f ms\n",
			r.CrowdTopics, r.CrowdFound/1000, r.Crowd.P50, r.Crowd.P99, r.Crowd.Max)
	}
	return nil
}
