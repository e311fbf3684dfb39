package audit

import (
	"testing"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// save writes the checkpoint of a copy, or deletes it if that is nil.
func save(t *testing.T, c *cluster.Cluster, topic, id, key string, m *events.ReplicationCheckpointed) {
	t.Helper()
	r := events.Record{}
	if m != nil {
		var err error
		if r, err = (events.Encoder{Source: "/test"}).Encode(key, m); err != nil {
			t.Fatal(err)
		}
	}
	r.Key = []byte(key)
	if _, err := c.Partition(topic, events.CopyPartition(id)).Append(limited(t), []events.Record{r}); err != nil {
		t.Fatal(err)
	}
}

// Of the checkpoints of a copy that of the greatest generation, and of these of the greatest
// claim, says what was declared; each audit reads those that were saved until it knows the ends.
func TestWhatTheCheckpointSays(t *testing.T) {
	ams, fra := twoSites(t) // Each tenth record was not copied, from that at 3 on.
	ctx := limited(t)
	topic := events.Topics{Prefix: events.DefaultPrefix}.ReplicationCheckpoints()
	p, err := Open(ctx, Config{Source: ams, Target: fra, SourceTopic: "orders", TargetTopic: "orders", Declaration: Declaration{Checkpoints: topic}})
	if err != nil {
		t.Fatal(err)
	}
	expect := func(when string, missing, passed, undeclared int64) {
		t.Helper()
		r, err := p.Partition(ctx, 1)
		if err != nil || r.Wrong.Total() != missing || r.Passed != passed || r.Undeclared != undeclared || r.Same != 90 {
			t.Errorf("%s: %+v, %v", when, r, err)
		}
	}
	expect("there is no such topic", 10, 0, 0)
	if _, err := fra.Ensure(ctx, []events.TopicSpec{{Name: topic, Partitions: events.CheckpointPartitions}}); err != nil {
		t.Fatal(err)
	}
	const id = "ams/orders/1/orders"
	mark := func(generation uint32, claim int64, declared ...*events.ReplicationDeclared) *events.ReplicationCheckpointed {
		return &events.ReplicationCheckpointed{Copy: id, Generation: generation, Claim: claim, Next: 100, Declared: declared}
	}
	all := &events.ReplicationDeclared{}
	from := func(offset int64) *events.ReplicationDeclared { return &events.ReplicationDeclared{From: offset} }
	none := func(offset int64) *events.ReplicationDeclared {
		return &events.ReplicationDeclared{From: offset, Routing: &events.ReplicationRouting{Header: "to"}, Site: "fra"}
	}
	save(t, fra, topic, id, id+"#1.1", mark(1, 1, all))
	expect("nothing was passed over", 10, 0, 0)
	save(t, fra, topic, id, id+"#1.2", mark(1, 2, all, none(13), from(14), none(23), from(24)))
	expect("two were", 8, 2, 0)
	save(t, fra, topic, id, id+"#1.1", mark(1, 1, &events.ReplicationDeclared{Unknown: true}))
	expect("a lower claim", 8, 2, 0)
	save(t, fra, topic, id, id+"#2.0", mark(2, 0, &events.ReplicationDeclared{Unknown: true}, from(50)))
	expect("a higher generation", 5, 0, 5)
	save(t, fra, topic, id, id+"#2.0", nil)
	expect("it was deleted", 8, 2, 0)
	save(t, fra, topic, "ams/orders/1/other", "ams/orders/1/other#9.9", &events.ReplicationCheckpointed{Copy: "ams/orders/1/other", Generation: 9})
	expect("another copy", 8, 2, 0)
	p.cfg.Routed, p.cfg.Announced = &compare.Routing{Header: "to", Site: "fra"}, true
	expect("an application tells how records are routed", 8, 2, 0)
}
