package allocator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/services/allocator/store"
)

// Config is what an operator chooses. The zero value is not valid; begin with
// DefaultConfig.
type Config struct {
	// Prefix of every topic.
	Prefix string
	// Site becomes part of the events' source: /spanway/<site>/allocator.
	Site string
	// JSON writes events as JSON instead of protobuf.
	JSON bool
	// InFlight is how many requests of one partition are handled at once.
	InFlight int
	// Reconcile is how often what Redis holds is compared with the log.
	Reconcile time.Duration
	// Patience is how long a request waits for Redis, and for room that others hold and
	// may not use, before it is refused.
	Patience time.Duration
	// Logs says when snapshots are written, and what is kept of the log of grants.
	Logs logowner.Snapshots
}

// DefaultConfig is what a deployment begins with.
func DefaultConfig() Config {
	return Config{
		Prefix: events.DefaultPrefix, Site: "local",
		InFlight: 1024, Reconcile: 30 * time.Second, Patience: 5 * time.Second,
	}
}

// Validate names the first field that cannot be used, and the remedy.
func (c Config) Validate() error {
	switch {
	case c.Prefix == "":
		return errors.New("allocator config: Prefix is empty; use \"spanway.\" or one of your own")
	case c.Site == "":
		return errors.New("allocator config: Site is empty; name the site, such as \"ams\"")
	case c.InFlight < 1:
		return fmt.Errorf("allocator config: InFlight is %d; it must be at least 1", c.InFlight)
	case c.Reconcile <= 0 || c.Patience <= 0:
		return fmt.Errorf("allocator config: Reconcile is %v and Patience %v; both must be above 0", c.Reconcile, c.Patience)
	}
	err := events.CheckPrefix(c.Prefix)
	if err == nil {
		err = events.CheckOptionalID("Site", c.Site)
	}
	if err != nil {
		return fmt.Errorf("allocator config: %w", err)
	}
	return nil
}

// Deps are what the service is given. It closes none of them.
type Deps struct {
	Cluster *cluster.Cluster
	Store   Store
	Logger  *slog.Logger
	Meter   metric.Meter
}

// Store proposes ranges: a *store.Store, or a *store.Redis. Package storetest is its
// contract.
type Store interface {
	// Propose finds a range for each want; store.ErrUnknown says that the space is to
	// be filled.
	Propose(ctx context.Context, b store.Batch) ([]store.Proposal, error)
	// Fill brings what is held of a space up to the log, and tells whether it was behind.
	Fill(ctx context.Context, space store.Space, free []store.Range) (behind bool, err error)
	// Holds returns what is held of a space.
	Holds(ctx context.Context, space string) (store.State, error)
	// Return makes ranges free again, and forgets requests.
	Return(ctx context.Context, space string, abandoned []store.Grant, free []store.Range) error
	// Forget deletes all that is held of a space.
	Forget(ctx context.Context, space string) error
}
