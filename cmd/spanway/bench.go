package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"github.com/google/uuid"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/spanway/spanway/internal/bench"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/events"
)

func (a *app) benchCommand() *cobra.Command {
	return noun("bench", "Measure how fast tasks go through", a.benchTasks())
}

func (a *app) benchTasks() *cobra.Command {
	cfg := bench.Config{}
	profile := ""
	c := &cobra.Command{
		Use:   "tasks",
		Short: "Measure tasks a second and the time from submit to start",
		Long: `Submit no-op tasks and measure from the first submit to the last result; then,
at a steady rate, the time from a submit until the handler is entered. It
embeds its own engines, and starts its own broker and scheduler on free ports
unless --brokers is given.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Prefix = a.prefix
			if err := cfg.Validate(); err != nil {
				return &usageError{err}
			}
			stopProfile, err := startProfile(profile)
			if err != nil {
				return err
			}
			defer stopProfile()
			return a.bench(cmd.Context(), cfg, cmd.Flags().Changed("brokers"))
		},
	}
	f := c.Flags()
	f.IntVar(&cfg.Tasks, "tasks", 200_000, "how many")
	f.IntVar(&cfg.Size, "size", 200, "bytes of each payload")
	f.IntVar(&cfg.Engines, "engines", 1, "how many engines")
	f.IntVar(&cfg.Slots, "slots", 2000, "how many tasks each engine runs at once")
	f.IntVar(&cfg.Rate, "rate", 500, "tasks a second while the time to start is measured; 0 to leave that out")
	f.DurationVar(&cfg.Duration, "duration", 10*time.Second, "how long that is measured")
	f.StringVar(&profile, "cpu-profile", "", "write a CPU profile to this file")
	return c
}

func (a *app) bench(ctx context.Context, cfg bench.Config, remote bool) error {
	log, err := telemetry.Logger(a.err, "text", "warn")
	if err != nil {
		return err
	}
	cfg.Logger, cfg.Brokers = log, a.brokerList()
	cfg.Pool = events.Pool("bench-" + uuid.NewString()[:8])
	if !remote {
		system, err := run.Start(ctx, run.Config{Site: a.site, Prefix: a.prefix, Logger: log})
		if err != nil {
			return err
		}
		defer system.Stop()
		cfg.Brokers = system.Brokers()
	}
	bar := progressbar.NewOptions(cfg.Tasks+int(cfg.Duration.Seconds())*cfg.Rate,
		progressbar.OptionSetWriter(a.err), progressbar.OptionSetVisibility(terminal(a.err)),
		progressbar.OptionSetDescription("tasks"), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	if terminal(a.err) {
		cfg.Progress = func() { bar.Add(1) } //nolint:errcheck // It is only for the eye.
	}
	result, err := bench.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if a.json() {
		return a.object(result)
	}
	fmt.Fprintf(a.out, "%d tasks of %d bytes on %d engines: %.0f tasks/s (%.2f s)\n",
		result.Tasks, result.Size, result.Engines, result.TasksPerSecond, result.Seconds)
	if result.LatencyTasks > 0 {
		fmt.Fprintf(a.out, "submit to start at %d tasks/s: p50 %.2f ms, p99 %.2f ms\n", result.Rate, result.StartP50, result.StartP99)
	}
	return nil
}

func startProfile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, usage("write the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("write the profile to %s: %w", file, err)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}
