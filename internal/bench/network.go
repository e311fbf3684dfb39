package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/services/manager/network"
)

// NetworkConfig of a measurement of changes of logical networks.
type NetworkConfig struct {
	Cluster *cluster.Cluster
	Prefix  string
	// Name begins the names of the topics, which are deleted again.
	Name string
	// Sites are numbers of sites; each of them is measured.
	Sites []int
	// Changes of one object each, which all sites get, many at once.
	Changes int
	// Singles are changes of which each waits until all sites have the one before.
	Singles int
	// Objects of the full sync that is measured last; 0: none is.
	Objects int
	Logger  *slog.Logger
	// Progress, if set, is told as changes are done.
	Progress func(done int)
}

// NetworkResult of a measurement. Times are in milliseconds.
type NetworkResult struct {
	Sites []NetworkSites `json:"sites"`
	Sync  *NetworkSync   `json:"sync,omitempty"`
}

// NetworkSites is what was measured with so many sites.
type NetworkSites struct {
	Sites   int `json:"sites"`
	Changes int `json:"changes"`
	// AcceptedPerSecond are changes that the global manager has decided; DeliveredPerSecond those that
	// all sites have realised.
	AcceptedPerSecond  float64 `json:"accepted_per_second"`
	DeliveredPerSecond float64 `json:"delivered_per_second"`
	// One change at a time: from the request until a site has read it, and until it has realised
	// it. Where there are several sites it is that of all but the first.
	Up NetworkTimes `json:"up"`
	// Down is the same at the same sites while the first one is down; nil if there is but one. The
	// two were measured in turns.
	Down *NetworkTimes `json:"one_down,omitempty"`
}

// NetworkTimes are those of changes at sites.
type NetworkTimes struct {
	ReceivedP50 float64 `json:"received_p50_ms"`
	ReceivedP99 float64 `json:"received_p99_ms"`
	RealisedP50 float64 `json:"realised_p50_ms"`
	RealisedP99 float64 `json:"realised_p99_ms"`
}

// NetworkSync is a full sync of a new site.
type NetworkSync struct {
	Objects int     `json:"objects"`
	Seconds float64 `json:"seconds"`
	// Memory of this process for each object, with all and with a tenth of them: two folds of the
	// global manager (that which decides, and that which delivers) and that of one site.
	Memory      float64 `json:"memory_bytes_per_object"`
	MemoryTenth float64 `json:"memory_bytes_per_object_of_a_tenth"`
}

// Validate names the first field that cannot be used.
func (c NetworkConfig) Validate() error {
	switch {
	case c.Changes < 1 || c.Changes >= network.MaxPending:
		return fmt.Errorf("changes is %d; give 1 to %d: a site for which more wait gets a full sync in their place", c.Changes, network.MaxPending-1)
	case c.Singles < 1 || c.Singles >= network.MaxPending:
		return fmt.Errorf("singles is %d; give 1 to %d", c.Singles, network.MaxPending-1)
	case c.Objects != 0 && c.Objects < 10 || c.Objects < 0:
		return fmt.Errorf("objects is %d; give 0, or at least 10", c.Objects)
	case len(c.Sites) == 0:
		return errors.New("sites is empty; give at least one number of them, such as 10")
	}
	for _, n := range c.Sites {
		if n < 1 || n > network.MaxSites {
			return fmt.Errorf("sites contains %d; give 1 to %d", n, network.MaxSites)
		}
	}
	return nil
}

// Work is how often Progress is called in all.
func (c NetworkConfig) Work() (n int) {
	for range c.Sites {
		n += c.Changes + 2*c.Singles
	}
	return n
}

// RunNetwork measures changes of logical networks with simulated sites. What it created on the
// cluster is gone when it returns.
func RunNetwork(ctx context.Context, cfg NetworkConfig) (out NetworkResult, err error) {
	if err := cfg.Validate(); err != nil {
		return out, err
	}
	if cfg.Progress == nil {
		cfg.Progress = func(int) {}
	}
	for _, n := range cfg.Sites {
		of, err := measureSites(ctx, cfg, n)
		if err != nil {
			return out, fmt.Errorf("measure with %d sites: %w", n, err)
		}
		out.Sites = append(out.Sites, of)
	}
	if cfg.Objects > 0 {
		of, err := measureSync(ctx, cfg)
		if err != nil {
			return out, fmt.Errorf("measure a full sync of %d objects: %w", cfg.Objects, err)
		}
		out.Sync = &of
	}
	return out, nil
}

// measureSites measures with n sites.
func measureSites(ctx context.Context, cfg NetworkConfig, n int) (out NetworkSites, err error) {
	w, err := startNetwork(ctx, cfg, fmt.Sprint(cfg.Name, "-", n))
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	for i := range n {
		if err := w.addSite(ctx, fmt.Sprintf("s%d", i)); err != nil {
			return out, err
		}
	}
	if err := w.synced(ctx); err != nil {
		return out, err
	}
	if err := w.network(ctx); err != nil {
		return out, err
	}
	if err := w.reached(ctx, w.sims, 1); err != nil {
		return out, err
	}
	out.Sites, out.Changes = n, cfg.Changes
	began := time.Now()
	if err := w.applyMany(ctx, cfg.Changes); err != nil {
		return out, err
	}
	out.AcceptedPerSecond = float64(cfg.Changes) / time.Since(began).Seconds()
	if err := w.reached(ctx, w.sims, w.changes); err != nil {
		return out, err
	}
	out.DeliveredPerSecond = float64(cfg.Changes) / time.Since(began).Seconds()
	if n == 1 {
		var alone moved
		err = w.oneByOne(ctx, w.sims, cfg.Singles, &alone)
		cfg.Progress(cfg.Singles)
		out.Up = alone.times()
		return out, err
	}
	out.Up, out.Down, err = w.inTurns(ctx)
	return out, err
}

// turns is how often a site goes down and comes back while changes are made one at a time. What
// else the machine does meanwhile falls on both sides alike.
const turns = 10

// inTurns measures changes at all sites but the first, with that one there and with it down.
func (w *networkWorld) inTurns(ctx context.Context) (up NetworkTimes, down *NetworkTimes, err error) {
	var there, away moved
	for i := range turns {
		n := w.cfg.Singles*(i+1)/turns - w.cfg.Singles*i/turns
		if err := w.oneByOne(ctx, w.sims[1:], n, &there); err != nil {
			return up, nil, err
		}
		w.sims[0].down.Store(true)
		if err := w.oneByOne(ctx, w.sims[1:], n, &away); err != nil {
			return up, nil, err
		}
		w.sims[0].down.Store(false)
		if err := w.reached(ctx, w.sims[:1], w.changes); err != nil { // It is behind, and catches up.
			return up, nil, err
		}
	}
	of := away.times()
	return there.times(), &of, nil
}

// measureSync measures the full sync of a site that is new, and what objects cost in memory.
func measureSync(ctx context.Context, cfg NetworkConfig) (out NetworkSync, err error) {
	w, err := startNetwork(ctx, cfg, cfg.Name+"-sync")
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := w.addSite(ctx, "old"); err != nil { // A span that covers no site is refused.
		return out, err
	}
	if err := w.synced(ctx); err != nil {
		return out, err
	}
	if err := w.network(ctx); err != nil {
		return out, err
	}
	empty := liveHeap()
	for _, part := range []struct {
		objects int
		memory  *float64
	}{{cfg.Objects / 10, &out.MemoryTenth}, {cfg.Objects, &out.Memory}} {
		if err := w.fill(ctx, part.objects); err != nil {
			return out, err
		}
		if err := w.reached(ctx, w.sims, w.changes); err != nil {
			return out, err
		}
		*part.memory = float64(liveHeap()-empty) / float64(part.objects)
	}
	began := time.Now()
	if err := w.addSite(ctx, "new"); err != nil {
		return out, err
	}
	s := w.sims[1]
	if err := s.until(ctx, func() bool { return s.sync > 0 }); err != nil {
		return out, err
	}
	if got := len(s.core.Wanted()); got != w.objects {
		return out, fmt.Errorf("the site has %d objects; there are %d", got, w.objects)
	}
	out.Objects, out.Seconds = w.objects, time.Since(began).Seconds()
	return out, nil
}
