package embedded

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Config of an embedded broker.
type Config struct {
	// DataDir keeps the data; empty keeps it in memory.
	DataDir string
	// Port on 127.0.0.1 of the first broker, the others take the ones after it;
	// 0 takes free ones.
	Port int
	// SyncWrites makes every acknowledged record survive a power loss. Without
	// it they survive the process, but not the machine.
	SyncWrites bool
	// Brokers is how many to run; 1 if 0.
	Brokers int
	// ClusterID of a new cluster; spanway-embedded if empty. A data directory
	// keeps the one that it began with.
	ClusterID string
	// CreateTopics has a topic made, with one partition, when a client that allows it asks for
	// one that is not there: as Apache Kafka does unless auto.create.topics.enable is false.
	CreateTopics bool
	// TLS, if set, is how they listen.
	TLS *tls.Config
	// Users, if there are any, must authenticate by SASL, and have only the rights
	// that they are given. Where one has less than all rights, records that were deleted may
	// be back after a crash: which deletions it is refused is not known beforehand (see
	// starts.go).
	Users []User
}

const defaultClusterID = "spanway-embedded"

// Broker is a running cluster. It is safe for concurrent use.
type Broker struct {
	cluster *kfake.Cluster
	addrs   []string // kfake does not tell them any more once it is closed
	lock    *os.File // of the data directory; nil without one
	gate    *gate
	closing sync.Once
	// stopWatch ends watching, which is over when watched is done.
	stopWatch context.CancelFunc
	watched   sync.WaitGroup
}

// Holds says whether a directory holds the data of a cluster.
func Holds(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "meta.json")) // kfake writes it before it serves
	return err == nil
}

// Start runs the brokers, with whatever the data directory holds. It fails if
// a port or the directory is in use, or the directory cannot be written.
func Start(config Config) (*Broker, error) {
	b := &Broker{gate: newGate(config.DataDir, config.TLS), stopWatch: func() {}}
	if config.DataDir != "" {
		if err := b.takeDirectory(config.DataDir); err != nil {
			b.unlock()
			return nil, fmt.Errorf("start the embedded broker: %w", err)
		}
	}
	var err error
	if b.cluster, err = kfake.NewCluster(config.options(b.gate)...); err != nil {
		b.unlock()
		return nil, fmt.Errorf("start the embedded broker on port %d with data in %q: %w", config.Port, config.DataDir, err)
	}
	b.addrs = b.cluster.ListenAddrs()
	if config.DataDir == "" {
		b.gate.serve()
		return b, nil
	}
	keepBounds(b.cluster, config.DataDir, !config.refuses(), b.gate)
	if err := restoreStarts(b.cluster, config.DataDir); err != nil {
		b.Close()
		return nil, fmt.Errorf("start the embedded broker: %w", err)
	}
	b.gate.serve()
	ctx, stop := context.WithCancel(context.Background())
	b.stopWatch = stop
	b.watched.Go(func() { b.gate.watch(ctx, b.lock) })
	if err := b.Err(); err != nil { // It could not mend what a crash left.
		b.Close()
		return nil, err
	}
	return b, nil
}

// takeDirectory locks the data directory, and makes it ready for kfake.
func (b *Broker) takeDirectory(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if b.lock, err = lock(dir); err != nil {
		return err
	}
	if err := usable(context.Background(), dir, b.lock); err != nil {
		return fmt.Errorf("use the data directory %s: %w", dir, err)
	}
	if err := begin(dir); err != nil {
		return err
	}
	return restoreEnds(dir)
}

// segmentInMemory is small, because kfake doubles the memory of a segment and
// copies it whenever it is full: with its 100 MiB that was a tenth of all CPU
// time of a busy system, and half of the memory.
const segmentInMemory = "262144"

func (config Config) options(g *gate) []kfake.Opt {
	n := max(config.Brokers, 1)
	options := []kfake.Opt{
		kfake.NumBrokers(n),
		kfake.ClusterID(cmp.Or(config.ClusterID, defaultClusterID)),
		kfake.ListenFn(g.listen),
	}
	if config.Port != 0 {
		ports := make([]int, n)
		for i := range ports {
			ports[i] = config.Port + i
		}
		options = append(options, kfake.Ports(ports...))
	}
	if config.DataDir != "" {
		options = append(options, kfake.DataDir(config.DataDir), kfake.WithLogger(g))
	} else {
		options = append(options, kfake.BrokerConfigs(map[string]string{"log.segment.bytes": segmentInMemory}))
	}
	if config.CreateTopics {
		options = append(options, kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(1))
	}
	if config.SyncWrites {
		options = append(options, kfake.SyncWrites())
	}
	return append(options, config.security()...)
}

func (b *Broker) unlock() {
	if b.lock != nil {
		b.lock.Close()
	}
}

// listenLoopback keeps the broker, which knows no passwords, off the network.
func listenLoopback(network, address string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", address, err)
	}
	return net.Listen(network, net.JoinHostPort("127.0.0.1", port))
}

// Addr is the address, host:port, of the first broker.
func (b *Broker) Addr() string { return b.addrs[0] }

// Addrs are the addresses of all brokers.
func (b *Broker) Addrs() []string { return slices.Clone(b.addrs) }

// Failed is closed when the broker has stopped by itself, because its data directory
// cannot be written. It answers nobody any more, and is still to be closed.
func (b *Broker) Failed() <-chan struct{} { return b.gate.failed }

// Err says why the broker has stopped by itself, or could not write all of its files
// when it closed; nil if neither. What was acknowledged is kept in any case.
func (b *Broker) Err() error { return b.gate.why() }

// Close stops the brokers and closes their files; each call returns when that is
// done. Members should have left their groups before, or they come back dead at
// the next start.
func (b *Broker) Close() {
	b.closing.Do(func() {
		b.stopWatch()
		b.watched.Wait()
		b.cluster.Close()
		if b.gate.dir != "" && b.Err() == nil {
			ended(b.gate.dir)
		}
		b.unlock()
	})
}

// Compact compacts every topic whose cleanup.policy asks for it, which does
// not happen by itself.
func (b *Broker) Compact() { b.cluster.Compact() }

// MoveLeader makes a broker, counted from 0, the leader of a partition.
func (b *Broker) MoveLeader(topic string, partition, broker int32) error {
	return b.cluster.MoveTopicPartition(topic, partition, broker)
}
