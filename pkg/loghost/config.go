package loghost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
)

// Config says which log is hosted, and with what. Log, NewCore, Cluster and Encoder must
// be set.
type Config struct {
	// Log is the entry of the shared log in the catalogue.
	Log events.Log
	// Partitions are those that are hosted; all if nil.
	Partitions []int32
	// Create are the logs whose topics are created if they are missing, and verified;
	// none if nil.
	Create []events.Log
	// Group is the consumer group that names the keeper of each partition
	// (events.Topics.KeeperGroup). If it is empty this process keeps none.
	Group string
	// NewCore makes the empty core of a partition.
	NewCore func(partition int32) sharedlog.Core

	Cluster Cluster
	// Encoder writes the calls. Its source should name the program, not the process.
	Encoder events.Encoder
	// Snapshots says when a keeper writes snapshots, and what is kept of the log.
	Snapshots logowner.Snapshots
	// Bare: there is no topic of snapshots, as of a copy without one. A fold begins at the
	// log's beginning then.
	Bare bool
	// Logger is told what happens; slog.Default() if nil. Meter makes the metrics; none
	// if nil.
	Logger *slog.Logger
	Meter  metric.Meter
}

// Cluster is what hosts need of a Kafka cluster; On makes it of a cluster.Cluster. It is
// safe for concurrent use.
type Cluster interface {
	// Partition is one partition of a topic as a log. Each call makes a log with a
	// producer of its own.
	Partition(topic string, partition int32) eventlog.Log
	// Ensure creates the topics that are missing and verifies all of them. The
	// warnings say where they are not fit for production.
	Ensure(ctx context.Context, topics []events.TopicSpec) (warnings []string, err error)
	// Join is a member of a consumer group on one topic until ctx ends. For each
	// generation of the group it calls run with the partitions that this member is
	// given, maybe none; run returns soon after its ctx ends.
	Join(ctx context.Context, group, topic string, run func(ctx context.Context, generation int32, partitions []int32)) error
	// DeleteRecords deletes what a partition holds below an offset.
	DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error
}

// On gives hosts a connection to a cluster. It must be closed after them.
func On(c *cluster.Cluster) Cluster { return logowner.On(c) }

// Validate names the first field that cannot be used, and the remedy.
func (c *Config) Validate() error {
	switch {
	case c.Log.Topic == "":
		return errors.New("log host config: Log is empty; give the entry of a shared log in the catalogue")
	case c.Log.Kind != events.SharedLog:
		return fmt.Errorf("log host config: %s is a log of kind %q; only one of kind %q has hosts", c.Log.Topic, c.Log.Kind, events.SharedLog)
	case c.NewCore == nil:
		return errors.New("log host config: NewCore is nil; give a function that makes an empty core")
	case c.Cluster == nil:
		return errors.New("log host config: Cluster is nil; give loghost.On(cluster)")
	case c.Encoder.Source == "":
		return errors.New("log host config: the encoder has no Source; name the program, such as \"/shop/orders\"")
	}
	for _, n := range c.Partitions {
		if n < 0 || n >= c.Log.Partitions {
			return fmt.Errorf("log host config: Partitions contains %d; %s has 0 to %d", n, c.Log.Topic, c.Log.Partitions-1)
		}
	}
	return nil
}
