package bench

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/bench"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Command is the command bench.
func Command(a *cli.App) *cobra.Command {
	return cli.Noun("bench", "Measure how fast tasks, queues, identifiers, mirrors and networks are", tasks(a), pools(a), queues(a), identifiers(a), mirrors(a), networks(a))
}

func tasks(a *cli.App) *cobra.Command {
	cfg := bench.Config{}
	c := &cobra.Command{
		Use:   "tasks",
		Short: "Measure tasks a second and the time from submit to start",
		Long: `Submit no-op tasks and measure from the first submit to the last result; then,
at a steady rate, the time from a submit until the handler is entered. Before
each round of tasks the bare wire is measured: the same records produced and
fetched, with nobody who decides anything; the ratio of the two says what the
deciding costs, whatever the machine does that minute. It embeds its own engines,
and starts its own broker and scheduler on free ports unless --brokers, --cluster
or --context is given.`,
		Args: cli.None,
	}
	measuring(c, &cfg, func(ctx context.Context, ownBroker bool) error { return measureTasks(ctx, a, cfg, ownBroker) })
	f := c.Flags()
	f.IntVar(&cfg.Tasks, "tasks", 200_000, "how many in each round")
	f.IntVar(&cfg.Rounds, "rounds", 5, "rounds of the bare wire and tasks; the figures are medians")
	f.IntVar(&cfg.Size, "size", 200, "bytes of each payload")
	f.IntVar(&cfg.Engines, "engines", 1, "how many engines")
	f.IntVar(&cfg.Slots, "slots", 2000, "how many tasks each engine runs at once")
	f.IntVar(&cfg.Rate, "rate", 500, "tasks a second while the time to start is measured; 0 to leave that out")
	f.DurationVar(&cfg.Duration, "duration", 10*time.Second, "how long that is measured")
	return c
}

// plain refuses what the benchmarks cannot connect to.
func plain(a *cli.App) error {
	if a.Target.Cluster.TLS.On() || a.Target.Cluster.SASL.Mechanism != "" {
		return cli.Usage("benchmarks connect in plain text only: leave out TLS and SASL, or --brokers, to have a broker started")
	}
	return nil
}

// reached refuses a cluster that the flags name if the benchmarks cannot connect to it, or no
// broker of it answers.
func reached(ctx context.Context, a *cli.App) error {
	if err := plain(a); err != nil {
		return err
	}
	return a.Answering(ctx, func(context.Context, *cluster.Cluster, *slog.Logger) error { return nil })
}

func measureTasks(ctx context.Context, a *cli.App, cfg bench.Config, embedded bool) error {
	if !embedded {
		if err := reached(ctx, a); err != nil {
			return err
		}
	}
	log, err := telemetry.Logger(a.Err, "text", "warn")
	if err != nil {
		return err
	}
	cfg.Logger, cfg.Prefix = log, a.Prefix
	cfg.Pool = events.Pool("bench-" + uuid.NewString()[:8])
	cfg.Start = func(ctx context.Context) ([]string, func(), error) {
		if !embedded {
			return a.BrokerList(), func() {}, nil
		}
		system, err := run.Start(ctx, run.Config{Site: a.Site, Prefix: a.Prefix, Logger: log})
		if err != nil {
			return nil, nil, err
		}
		return system.Brokers(), system.Stop, nil
	}
	cfg.Progress = bar(a, "tasks", cfg.Work())
	result, err := bench.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if a.JSON() {
		return a.Object(result)
	}
	printTasks(a, result)
	return nil
}

func printTasks(a *cli.App, r bench.Result) {
	a.Printf("%d tasks of %d bytes on %d engines: %.0f tasks/s (%.2f s), median of %d\n",
		r.Tasks, r.Size, r.Engines, r.TasksPerSecond, r.Seconds, len(r.RoundTasks))
	a.Printf("the bare wire: %.0f records/s, enough for %.0f tasks/s; tasks run at %.2f of that\n",
		r.WireRecordsPerSecond, r.WireTasksPerSecond, r.Ratio)
	a.Printf("CPU of this process: %.1f us a task, %.1f us on the bare wire; %.0f allocations, %.0f bytes a task\n",
		r.CPU, r.WireCPU, r.Allocations, r.AllocatedBytes)
	a.Printf("rounds:")
	for i := range r.RoundTasks {
		a.Printf(" %.0f/%.0f=%.2f", r.RoundTasks[i], r.RoundWire[i], r.RoundRatio[i])
	}
	a.Printf("\n")
	if r.LatencyTasks > 0 {
		a.Printf("submit to start at %d tasks/s: p50 %.2f ms, p99 %.2f ms\n", r.Rate, r.StartP50, r.StartP99)
	}
}

// bar shows how much of the work is done, on a terminal; elsewhere it is nil.
func bar(a *cli.App, of string, work int) (progress func(done int)) {
	if !cli.Terminal(a.Err) {
		return nil
	}
	b := progressbar.NewOptions(work, progressbar.OptionSetWriter(a.Screen()), progressbar.OptionSetDescription(of),
		progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	return func(done int) { b.Add(done) } //nolint:errcheck // It is only for the eye.
}

// measuring has a command check its configuration, write a CPU profile if it is asked for
// one, and measure: on a broker of its own, unless a flag or variable names another.
func measuring(c *cobra.Command, cfg interface{ Validate() error }, measure func(ctx context.Context, ownBroker bool) error) {
	profile := c.Flags().String("cpu-profile", "", "write a CPU profile to this file")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := cfg.Validate(); err != nil {
			return cli.Misuse(err)
		}
		stop, err := startProfile(*profile)
		if err != nil {
			return err
		}
		defer stop()
		return measure(cmd.Context(), named(cmd) == "")
	}
}

// named is the flag that names a cluster; empty if none does.
func named(cmd *cobra.Command) string {
	flags := []string{"brokers", "cluster", "context"}
	if i := slices.IndexFunc(flags, cmd.Flags().Changed); i >= 0 {
		return flags[i]
	}
	return ""
}

func startProfile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, cli.Usage("write the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("write the profile to %s: %w", file, err)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}
