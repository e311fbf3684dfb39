package bench

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator"
)

// Pair is two embedded brokers and a replicator between them, all in this process.
type Pair struct {
	Source, Target *cluster.Cluster
	Site           *replication.Site

	ended error
	ends  []func()
}

// StartPair starts them. The replicator is that of the site "target", and calls the source
// "source".
func StartPair(ctx context.Context, prefix string, log *slog.Logger) (p *Pair, err error) {
	p = &Pair{}
	defer func() {
		if err != nil {
			p.Stop()
		}
	}()
	for name, c := range map[string]**cluster.Cluster{"source": &p.Source, "target": &p.Target} {
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
	if p.Site, err = replication.Open(ctx, p.Target, replication.Options{Prefix: prefix, Create: true, Brief: true, Logger: log}); err != nil {
		return nil, err
	}
	p.ends = append(p.ends, func() { p.ended = errors.Join(p.ended, p.Site.Close()) })
	return p, p.replicate(ctx, prefix, log)
}

// replicate runs a replicator until Stop.
func (p *Pair) replicate(ctx context.Context, prefix string, log *slog.Logger) error {
	conf := replicator.DefaultConfig()
	conf.Prefix, conf.Site, conf.Instance = prefix, "target", "bench"
	r, err := replicator.New(conf, replicator.Deps{Cluster: p.Target, Sources: map[string]*cluster.Cluster{"source": p.Source}, Logger: log})
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

// Stop ends what was started, the last first.
func (p *Pair) Stop() {
	for len(p.ends) > 0 {
		last := len(p.ends) - 1
		p.ends[last]()
		p.ends = p.ends[:last]
	}
}

// Failed stops, and says what of it has failed.
func (p *Pair) Failed() error {
	p.Stop()
	return p.ended
}
