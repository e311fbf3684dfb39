package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/bench"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/events"
)

func pools(a *cli.App) *cobra.Command {
	cfg := bench.PoolsConfig{}
	c := &cobra.Command{
		Use:   "pools",
		Short: "Measure many pools on several schedulers, and how long rebalancing takes",
		Long: `Start schedulers as processes of their own, one after the other; end one by
SIGTERM and one by kill -9, and start others in their place; and measure how long
it takes each time until every partition is owned again. Then measure the rate
with 1, 4 and 16 pools. It starts its own broker on a free port unless --brokers,
--cluster or --context is given; there no other scheduler may run.`,
		Args: cli.None,
	}
	measuring(c, &cfg, func(ctx context.Context, ownBroker bool) error { return measurePools(ctx, a, cfg, ownBroker) })
	f := c.Flags()
	f.IntVar(&cfg.Schedulers, "schedulers", 4, "how many schedulers")
	f.IntSliceVar(&cfg.Pools, "pools", []int{1, 4, 16}, "with how many pools to measure the rate")
	f.IntVar(&cfg.Tasks, "tasks", 100_000, "how many tasks for each rate, over all pools")
	f.IntVar(&cfg.Size, "size", 200, "bytes of each payload")
	f.IntVar(&cfg.Slots, "slots", 2000, "how many tasks the one engine of each pool runs at once")
	return c
}

func measurePools(ctx context.Context, a *cli.App, cfg bench.PoolsConfig, ownBroker bool) error {
	if !ownBroker {
		if err := reached(ctx, a); err != nil {
			return err
		}
	}
	log, err := telemetry.Logger(a.Err, "text", "warn")
	if err != nil {
		return err
	}
	cfg.Logger, cfg.Prefix, cfg.Brokers = log, a.Prefix, a.BrokerList()
	cfg.Name = events.Pool("bench-" + uuid.NewString()[:8])
	if ownBroker {
		broker, err := embedded.Start(embedded.Config{})
		if err != nil {
			return err
		}
		defer broker.Close()
		cfg.Brokers = broker.Addrs()
	}
	cfg.Scheduler = func(instance string) (bench.Process, error) {
		return startScheduler(ctx, instance, a.Site, cfg)
	}
	r, err := bench.RunPools(ctx, cfg)
	if err != nil {
		return err
	}
	if a.JSON() {
		return a.Object(r)
	}
	a.Printf("%d tasks of %d bytes on %d schedulers:\n", r.Tasks, r.Size, r.Schedulers)
	for _, rate := range r.Rates {
		a.Printf("  %2d pools  %.0f tasks/s\n", rate.Pools, rate.TasksPerSecond)
	}
	a.Printf("until all partitions are owned again:\n")
	for _, b := range r.Rebalances {
		a.Printf("  %-8s %d schedulers  %.0f ms, %d claims\n", b.Cause, b.Schedulers, b.Millis, b.Claims)
	}
	return nil
}

// child is a scheduler in a process of its own.
type child struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

// startScheduler runs this binary again. It ends with ctx at the latest.
func startScheduler(ctx context.Context, instance, site string, cfg bench.PoolsConfig) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start a scheduler: find this binary: %w", err)
	}
	p := &child{}
	p.cmd = exec.CommandContext(ctx, self, "serve", "scheduler", "--instance", instance, "--site", site,
		"--prefix", cfg.Prefix, "--brokers", strings.Join(cfg.Brokers, ","), "--http", "", "--log-level", "error")
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start scheduler %s: %w", instance, err)
	}
	return p, nil
}

// Terminate lets the scheduler leave its group.
func (p *child) Terminate() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop a scheduler: %w\n%s", err, &p.stderr)
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("a scheduler that was told to stop: %w\n%s", err, &p.stderr)
	}
	return nil
}

// Kill ends the scheduler at once.
func (p *child) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill a scheduler: %w\n%s", err, &p.stderr)
	}
	var killed *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &killed) {
		return fmt.Errorf("kill a scheduler: %w", err)
	}
	return nil
}
