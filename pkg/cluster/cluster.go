package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
)

// Cluster is a connection to a Kafka cluster. It is safe for concurrent use.
type Cluster struct {
	config Config
	client *kafka.Client
}

// Open makes a connection. It checks the configuration, and connects on first
// use; Check tells whether that works.
func Open(c Config) (*Cluster, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.Brokers = slices.Clone(c.Brokers)
	return &Cluster{config: c, client: kafka.New(c.kafka())}, nil
}

func (c Config) kafka() kafka.Config {
	return kafka.Config{
		Name: c.Name, Brokers: c.Brokers, ClientID: c.ClientID, Security: c.security(),
		Dial: c.Dial, DialTimeout: c.DialTimeout, RetryBudget: c.RetryBudget, Logger: c.Logger,
	}
}

// Close closes all connections; requests under way fail. It may be called more
// than once. Close what uses the cluster before.
func (c *Cluster) Close() { c.client.Close() }

// Check connects to the brokers of the configuration, one after the other, until one
// answers; if none does, the error is the last one's.
func (c *Cluster) Check(ctx context.Context) error { return c.client.Check(ctx) }

// Trouble is what is tried again on this connection now, for more than a second, and
// why; nil if nothing is. A process that depends on the cluster is not ready meanwhile.
func (c *Cluster) Trouble() error { return c.client.Board().Err() }

// Partition is one partition of a topic as a log. It does not connect. Each call
// makes a log with a producer of its own.
func (c *Cluster) Partition(topic string, n int32) eventlog.Log { return c.client.Partition(topic, n) }

// Offsets returns what a partition holds: start is the first offset that is kept,
// and end the one that the next record will get.
func (c *Cluster) Offsets(ctx context.Context, topic string, n int32) (start, end int64, err error) {
	return c.client.Offsets(ctx, topic, n)
}

// Ensure creates the topics that are missing and verifies all of them. A topic
// that exists and must not be used as it is gives an error that says what to do.
// The warnings say where the replication is too low for production.
func (c *Cluster) Ensure(ctx context.Context, topics []events.TopicSpec) (warnings []string, err error) {
	return c.client.Ensure(ctx, topics)
}

// Guard guards what leads to a log under a prefix: writing there is refused where the log
// is a copy that a link makes. It does not connect.
func (c *Cluster) Guard(prefix, log string) *mirrored.Guard {
	return mirrored.NewGuard(mirrored.Source{Open: c.Partition, List: func(ctx context.Context, prefix string) (map[string]int32, error) {
		found, err := c.client.Present(ctx, prefix)
		all := make(map[string]int32, len(found))
		for _, t := range found {
			all[t.Name] = t.Partitions
		}
		return all, err
	}}, prefix, log)
}

// String names the cluster, as errors do.
func (c *Cluster) String() string {
	if c.config.Name != "" {
		return c.config.Name
	}
	return strings.Join(c.config.Brokers, ",")
}

// Format implements fmt.Formatter: whatever the verb, it prints the name, never what
// is configured.
func (c *Cluster) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// Brokers are the addresses that the connection begins with.
func (c *Cluster) Brokers() []string { return slices.Clone(c.config.Brokers) }

// Principal is what the brokers call this process, as of its last connection and as
// far as it can tell: they may map the name of a certificate to another.
func (c *Cluster) Principal() string { return c.client.Principal() }

// Kafka is the client beneath, for the packages of this module. It is closed with
// the cluster.
func (c *Cluster) Kafka() *kafka.Client { return c.client }
