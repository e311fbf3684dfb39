package sitetest

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"testing"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
)

// Broker is a cluster of one broker, or of two, which ends with its test.
type Broker struct {
	t        *testing.T
	kept     embedded.Config
	embedded *embedded.Broker
	apache   *apache.Broker // or this
	moves    int32
}

// Embedded starts a broker in this process.
func Embedded(t *testing.T, site string) *Broker {
	t.Helper()
	return start(t, embedded.Config{DataDir: t.TempDir(), ClusterID: site + "-cluster"})
}

// EmbeddedOfTwo starts a cluster of two brokers in this process, for MoveLeader.
func EmbeddedOfTwo(t *testing.T, site string) *Broker {
	t.Helper()
	return start(t, embedded.Config{ClusterID: site + "-cluster", Brokers: 2})
}

func start(t *testing.T, config embedded.Config) *Broker {
	t.Helper()
	b := &Broker{t: t, kept: config}
	b.Start()
	_, port, err := net.SplitHostPort(b.embedded.Addr())
	if err == nil {
		b.kept.Port, err = strconv.Atoi(port) // It has the same one when it is back.
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.embedded.Close() })
	return b
}

// Apache starts an Apache Kafka.
func Apache(t *testing.T, properties map[string]string) *Broker {
	t.Helper()
	return &Broker{t: t, apache: apache.Start(t, apache.Config{Properties: properties})}
}

// ApacheOfTwo starts a cluster of two brokers of Apache Kafka, for MoveLeader.
func ApacheOfTwo(t *testing.T) *Broker {
	t.Helper()
	b := Apache(t, nil)
	apache.Start(t, apache.Config{Joins: b.apache})
	return b
}

// MoveLeader has the other one of two brokers lead a partition. Of an embedded one the first
// move may change nothing.
func (b *Broker) MoveLeader(topic string, partition int32) {
	b.t.Helper()
	if b.apache != nil {
		b.apache.MoveLeader(topic, partition)
		return
	}
	b.moves++
	if err := b.embedded.MoveLeader(topic, partition, b.moves%2); err != nil {
		b.t.Fatal(err)
	}
}

// Addrs are its addresses, which stay the same.
func (b *Broker) Addrs() []string {
	if b.apache != nil {
		return []string{b.apache.Addr()}
	}
	return b.embedded.Addrs()
}

// Stop has the broker away.
func (b *Broker) Stop() {
	b.t.Helper()
	if b.apache != nil {
		b.apache.Stop()
		return
	}
	b.embedded.Close()
}

// Start has it back, with what it held.
func (b *Broker) Start() {
	b.t.Helper()
	if b.apache != nil {
		b.apache.Start()
		return
	}
	var err error
	if b.embedded, err = embedded.Start(b.kept); err != nil {
		b.t.Fatal(err)
	}
}

// Compact has an embedded broker compact its topics now.
func (b *Broker) Compact() { b.embedded.Compact() }

// Dialer opens connections.
type Dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// Connect opens connections of their own, by a dialer if one is given.
func (b *Broker) Connect(dial ...Dialer) *cluster.Cluster {
	b.t.Helper()
	config := cluster.Config{Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler)}
	for _, d := range dial {
		config.Dial = d
	}
	c, err := cluster.Open(config)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(c.Close)
	return c
}
