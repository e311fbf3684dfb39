package audit

import (
	"context"
	"fmt"
	"sync"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// Declared is what the checkpoint of a copy says of what decided on the records of the source
// below Next.
type Declared struct {
	All        []compare.Declared
	Next       int64
	Generation uint32
}

// Checkpoints are those of the copies of a cluster, as far as their log was read: Pairs that
// share them read it once. They are safe for concurrent use.
type Checkpoints struct {
	cluster *cluster.Cluster
	topic   string

	mu   sync.Mutex
	next map[int32]int64 // by partition
	held map[string]map[string]*events.ReplicationCheckpointed
}

// NewCheckpoints are those that a topic of the target cluster has. It is read when it is needed.
func NewCheckpoints(target *cluster.Cluster, topic string) *Checkpoints {
	return &Checkpoints{cluster: target, topic: topic}
}

// declared is what the checkpoint says that counts of those that were saved for a copy before
// the call. One that was saved of another topic than the target is now, or that was claimed
// behind its end, does not count: the target was created again, or has lost its end. No
// Checkpoints say nothing.
func (c *Checkpoints) declared(ctx context.Context, id string, target events.ClusterPartition) (Declared, error) {
	if c == nil {
		return Declared{}, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.cluster.Kafka().Partitions(ctx, c.topic)
	if p := events.CopyPartition(id); err == nil && p < n { // Else no replicator has copied here.
		err = c.readTo(ctx, p)
	}
	if err != nil {
		return Declared{}, fmt.Errorf("read the checkpoints: %w", err)
	}
	if len(c.held[id]) == 0 {
		return Declared{}, nil
	}
	topic, err := c.cluster.Kafka().TopicID(ctx, target.Topic, target.Partition)
	if err != nil {
		return Declared{}, err
	}
	end, err := c.cluster.Kafka().Written(ctx, target.Topic, target.Partition)
	if err != nil {
		return Declared{}, err
	}
	var best *events.ReplicationCheckpointed
	for _, m := range c.held[id] {
		if m.Claim > end || m.TargetId != "" && topic != "" && m.TargetId != topic {
			continue
		}
		if best == nil || m.Generation > best.Generation || m.Generation == best.Generation && m.Claim > best.Claim {
			best = m
		}
	}
	return declaredBy(best), nil
}

// readTo reads a partition up to its end.
func (c *Checkpoints) readTo(ctx context.Context, partition int32) error {
	if c.held == nil {
		c.next, c.held = map[int32]int64{}, map[string]map[string]*events.ReplicationCheckpointed{}
	}
	from := kept{c.cluster, c.topic, partition, c.cluster.Partition(c.topic, partition)}
	all, err := from.Range(ctx)
	if err != nil {
		return err
	}
	for at := max(c.next[partition], all.Start); at < all.End; {
		page, err := read(ctx, from, at)
		if err != nil {
			return err
		}
		for i := range page.Records {
			c.take(&page.Records[i])
		}
		at = page.Next
		c.next[partition] = at
	}
	return nil
}

// take takes a record of the log. What cannot be read counts as none.
func (c *Checkpoints) take(r *events.Record) {
	key := string(r.Key)
	if r.Value == nil {
		for _, of := range c.held {
			delete(of, key)
		}
		return
	}
	_, m, err := events.Decode(r)
	mark, ok := m.(*events.ReplicationCheckpointed)
	if err != nil || !ok {
		return
	}
	if c.held[mark.Copy] == nil {
		c.held[mark.Copy] = map[string]*events.ReplicationCheckpointed{}
	}
	c.held[mark.Copy][key] = mark
}

// declaredBy is what a checkpoint says; nil says nothing.
func declaredBy(m *events.ReplicationCheckpointed) (d Declared) {
	d.Next, d.Generation = m.GetNext(), m.GetGeneration()
	for _, one := range m.GetDeclared() {
		of := compare.Declared{From: one.GetFrom(), Unknown: one.GetUnknown(), Relay: one.GetRelay()}
		if r := one.GetRouting(); r != nil {
			of.Routed = &compare.Routing{Header: r.GetHeader(), Site: one.GetSite(), Allowed: r.GetAllowed(), Unrouted: r.GetUnrouted(), UnknownGoOn: r.GetPassUnknown()}
		}
		d.All = append(d.All, of)
	}
	return d
}
