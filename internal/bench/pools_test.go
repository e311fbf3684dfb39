package bench

import (
	"context"
	"log/slog"
	"testing"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler"
)

// inProcess is a scheduler that can be told to stop; it cannot be killed.
type inProcess struct {
	cancel context.CancelFunc
	ended  chan error
}

func (p *inProcess) Terminate() error {
	p.cancel()
	return <-p.ended
}

func (p *inProcess) Kill() error { return p.Terminate() }

func TestRunPools(t *testing.T) {
	broker, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	quiet := slog.New(slog.DiscardHandler)
	r, err := RunPools(t.Context(), PoolsConfig{
		Brokers: broker.Addrs(), Prefix: events.DefaultPrefix, Schedulers: 3, Name: "pools", Pools: []int{1, 16},
		Tasks: 500, Size: 100, Slots: 50, Logger: quiet,
		Scheduler: func(instance string) (Process, error) {
			conf := scheduler.DefaultConfig()
			conf.Instance = instance
			c, err := cluster.Open(cluster.Config{Brokers: broker.Addrs()})
			if err != nil {
				return nil, err
			}
			s, err := scheduler.New(conf, scheduler.Deps{Cluster: c, Logger: quiet})
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithCancel(context.Background())
			p := &inProcess{cancel, make(chan error, 1)}
			go func() {
				defer c.Close()
				p.ended <- s.Run(ctx)
			}()
			return p, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rates) != 2 || r.Rates[0].TasksPerSecond <= 0 || r.Rates[1].Pools != 16 || r.Rates[1].TasksPerSecond <= 0 {
		t.Errorf("rates %+v", r.Rates)
	}
	var causes []string
	for _, b := range r.Rebalances {
		causes = append(causes, b.Cause)
		if b.Millis <= 0 || b.Claims == 0 {
			t.Errorf("a rebalance without claims: %+v", b)
		}
	}
	if len(causes) != 7 || causes[3] != "sigterm" || causes[5] != "kill" || r.Rebalances[3].Schedulers != 2 || r.Rebalances[6].Schedulers != 3 {
		t.Errorf("rebalances %+v", r.Rebalances)
	}
}

func TestSpreadGivesEachPoolAPartition(t *testing.T) {
	for _, n := range []int{1, 4, 16} {
		seen := map[int32]bool{}
		for _, p := range spread("x", n) {
			seen[events.PoolPartition(p)] = true
		}
		if len(seen) != n {
			t.Errorf("%d pools are on %d partitions", n, len(seen))
		}
	}
}
