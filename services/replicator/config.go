package replicator

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
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/admission"
	"github.com/spanway/spanway/services/replicator/selection"
)

// Config is what an operator chooses. The zero value is not valid; begin with
// DefaultConfig.
type Config struct {
	// Prefix of the topics of Spanway, at the site and at its sources.
	Prefix string
	// Site is what records and groups call the site. It becomes part of the events'
	// source: /spanway/<site>/replicator.
	Site string
	// Instance is the name of this process, which tells it from the site's other
	// replicators.
	Instance string
	// JSON writes events as JSON instead of protobuf.
	JSON bool
	// Memory bounds the bytes of records that all copies hold together, but for the page of
	// 2 MiB that each link has besides, so that none waits for another.
	Memory int64
	// Discover is how often topics are looked for. What a cluster tells is up to half a
	// second old.
	Discover time.Duration
	// Follow is how often settings of topics that are known, and the beginnings of
	// sources, are looked at.
	Follow time.Duration
	// Audit is how many records a second, of both sides, are read to compare what is copied
	// with its source; 0 turns that off.
	Audit int64
	// Snapshots bound how many partitions are copied at once from their beginning, over all
	// replicators of the site, and for how long.
	Snapshots admission.Limits
	// Logs says when snapshots of the links are written, and what is kept of their log.
	Logs logowner.Snapshots
}

// DefaultConfig is what a deployment begins with.
func DefaultConfig() Config {
	return Config{
		Prefix: events.DefaultPrefix, Site: "local", Instance: "replicator",
		Memory: 256 << 20, Discover: 100 * time.Millisecond, Follow: 10 * time.Second, Audit: 2000,
		Snapshots: admission.Limits{AtOnce: 32, Turn: 10 * time.Second, Idle: time.Minute, Deadline: 6 * time.Hour, Retries: 10},
	}
}

// Validate names the first field that cannot be used, and the remedy.
func (c Config) Validate() error {
	switch {
	case c.Prefix == "":
		return errors.New("replicator config: Prefix is empty; use \"spanway.\" or one of your own")
	case c.Site == "":
		return errors.New("replicator config: Site is empty; name the site, such as \"ams\"")
	case c.Instance == "":
		return errors.New("replicator config: Instance is empty; name the process")
	case c.Memory < leastMemory:
		return fmt.Errorf("replicator config: Memory is %d bytes; it must be at least %d", c.Memory, leastMemory)
	case c.Discover <= 0 || c.Follow <= 0:
		return fmt.Errorf("replicator config: Discover is %v and Follow %v; both must be above 0", c.Discover, c.Follow)
	case c.Audit < 0:
		return fmt.Errorf("replicator config: Audit is %d records a second; it must be at least 0, which turns it off", c.Audit)
	case c.Snapshots.AtOnce < 1 || c.Snapshots.Retries < 1:
		return fmt.Errorf("replicator config: %d snapshots at once, given up after %d failures in a row; both must be at least 1", c.Snapshots.AtOnce, c.Snapshots.Retries)
	case c.Snapshots.Turn <= 0 || c.Snapshots.Deadline <= 0:
		return fmt.Errorf("replicator config: snapshots have turns of %v and a deadline of %v; both must be above 0", c.Snapshots.Turn, c.Snapshots.Deadline)
	case c.Snapshots.Idle < LeastIdle:
		return fmt.Errorf("replicator config: snapshots may be idle for %v; it must be at least %v, for one that is limited tells of it every 5s", c.Snapshots.Idle, LeastIdle)
	}
	err := events.CheckPrefix(c.Prefix)
	if err == nil {
		err = events.CheckOptionalID("Site", c.Site)
	}
	if err != nil {
		return fmt.Errorf("replicator config: %w", err)
	}
	return nil
}

// LeastIdle is the least that Config.Snapshots.Idle may be.
const LeastIdle = 10 * time.Second

// leastMemory is room for some pages.
const leastMemory = 8 << 20

// Deps are what the service is given. It closes none of them.
type Deps struct {
	// Cluster is that of the site.
	Cluster *cluster.Cluster
	// Sources are the clusters that links may name.
	Sources map[string]*cluster.Cluster
	// Links tell what is declared; those of the site's log if nil.
	Links  Links
	Logger *slog.Logger
	Meter  metric.Meter
}

// Links tell what is declared.
type Links interface {
	// Watch calls changed with all that is declared at the site, at once and whenever it
	// changes, one call at a time, until ctx ends. Its error is final.
	Watch(ctx context.Context, changed func([]links.Link, []links.Group)) error
	// Applications calls changed with those that have announced themselves at a source, and
	// with the records there that announce nothing, at once and whenever that changes, until
	// ctx ends. What is in the way it tries again.
	Applications(ctx context.Context, source *cluster.Cluster, changed func([]selection.Application, replication.Announced))
}
