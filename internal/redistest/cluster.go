package redistest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Cluster is a Redis Cluster of three masters.
type Cluster struct {
	tb    testing.TB
	nodes []*node
}

type node struct {
	*Server
	bus   string // the port of the cluster's own traffic
	id    string
	admin *redis.Client
}

const slots = 16384

// StartCluster runs a cluster, and returns when every node says that it is whole.
func StartCluster(tb testing.TB) *Cluster {
	tb.Helper()
	needs(tb)
	c := &Cluster{tb: tb}
	for i := range 3 {
		n := &node{bus: Port(FreeAddr(tb))}
		n.Server = Start(tb, "--cluster-enabled", "yes", "--cluster-port", n.bus, "--cluster-node-timeout", "5000")
		n.admin = n.Client()
		c.nodes = append(c.nodes, n)
		c.told(n, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		c.told(n, "CLUSTER", "ADDSLOTSRANGE", i*slots/3, (i+1)*slots/3-1)
		n.id = c.told(n, "CLUSTER", "MYID").(string)
		c.told(n, "CLUSTER", "MEET", "127.0.0.1", Port(c.nodes[0].addr), c.nodes[0].bus)
	}
	for _, n := range c.nodes {
		until(tb, "the cluster is whole", func(ctx context.Context) error {
			info, err := n.admin.ClusterInfo(ctx).Result()
			if err == nil && !(strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")) {
				err = errors.New(info)
			}
			return err
		})
	}
	return c
}

// Addrs are the addresses of the nodes.
func (c *Cluster) Addrs() (out []string) {
	for _, n := range c.nodes {
		out = append(out, n.addr)
	}
	return out
}

// Node is a node, 0 to 2.
func (c *Cluster) Node(i int) *Server { return c.nodes[i].Server }

func (c *Cluster) told(n *node, command ...any) any {
	c.tb.Helper()
	out, err := n.admin.Do(context.Background(), command...).Result()
	if err != nil {
		c.tb.Fatalf("%v: %v", command, err)
	}
	return out
}

// Slot is that of a key.
func (c *Cluster) Slot(key string) int {
	c.tb.Helper()
	return int(c.told(c.nodes[0], "CLUSTER", "KEYSLOT", key).(int64))
}

// Owner is which node serves a slot, as far as it knows itself.
func (c *Cluster) Owner(slot int) int {
	c.tb.Helper()
	for i, n := range c.nodes {
		for _, s := range n.admin.ClusterShards(context.Background()).Val() {
			mine := slices.ContainsFunc(s.Nodes, func(o redis.Node) bool { return o.ID == n.id })
			if mine && slices.ContainsFunc(s.Slots, func(r redis.SlotRange) bool { return r.Start <= int64(slot) && int64(slot) <= r.End }) {
				return i
			}
		}
	}
	c.tb.Fatalf("no node serves slot %d", slot)
	return 0
}

// Migrate moves the keys of a slot to the next node. Until finish is called the slot is
// between both: a key that was moved is answered ASK.
func (c *Cluster) Migrate(slot int) (finish func()) {
	c.tb.Helper()
	i := c.Owner(slot)
	from, to := c.nodes[i], c.nodes[(i+1)%3]
	c.told(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", from.id)
	c.told(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)
	keys, _ := c.told(from, "CLUSTER", "GETKEYSINSLOT", slot, 1000).([]any)
	toPort, _ := strconv.Atoi(Port(to.addr))
	for _, key := range keys {
		c.told(from, "MIGRATE", "127.0.0.1", toPort, fmt.Sprint(key), 0, int(patience/time.Millisecond))
	}
	return func() {
		for _, n := range []*node{to, from} {
			c.told(n, "CLUSTER", "SETSLOT", slot, "NODE", to.id)
		}
	}
}
