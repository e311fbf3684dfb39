package embedded

import (
	"fmt"
	"net"
	"os"
	"slices"

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
}

// Broker is a running cluster. It is safe for concurrent use.
type Broker struct {
	cluster *kfake.Cluster
}

// Start runs the brokers, with whatever data dir holds.
func Start(config Config) (*Broker, error) {
	n := max(config.Brokers, 1)
	options := []kfake.Opt{
		kfake.NumBrokers(n),
		kfake.ClusterID("spanway-embedded"),
		kfake.ListenFn(listenLoopback),
	}
	if config.Port != 0 {
		ports := make([]int, n)
		for i := range ports {
			ports[i] = config.Port + i
		}
		options = append(options, kfake.Ports(ports...))
	}
	if config.DataDir != "" {
		if err := os.MkdirAll(config.DataDir, 0o755); err != nil {
			return nil, fmt.Errorf("start the embedded broker: make its data directory: %w", err)
		}
		options = append(options, kfake.DataDir(config.DataDir))
	}
	if config.SyncWrites {
		options = append(options, kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return nil, fmt.Errorf("start the embedded broker on port %d with data in %q: %w", config.Port, config.DataDir, err)
	}
	return &Broker{cluster: cluster}, nil
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
func (b *Broker) Addr() string { return b.cluster.ListenAddrs()[0] }

// Addrs are the addresses of all brokers.
func (b *Broker) Addrs() []string { return slices.Clone(b.cluster.ListenAddrs()) }

// Close stops the brokers and closes their files. Members should have left
// their groups before, or they come back dead at the next start.
func (b *Broker) Close() { b.cluster.Close() }
