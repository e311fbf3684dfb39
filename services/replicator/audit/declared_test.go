package audit

import (
	"fmt"
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
	p, err := Open(ctx, Config{Source: ams, Target: fra, SourceTopic: "orders", TargetTopic: "orders", Declaration: Declaration{Checkpoints: NewCheckpoints(fra, topic)}})
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

// judged is a Pair of two sites, the topic of its checkpoints, and their first copies.
func judged(t *testing.T, d Declaration) (p *Pair, fra *cluster.Cluster, topic string) {
	ams, fra := twoSites(t)
	topic = events.Topics{Prefix: events.DefaultPrefix}.ReplicationCheckpoints()
	if _, err := fra.Ensure(limited(t), []events.TopicSpec{{Name: topic, Partitions: events.CheckpointPartitions}}); err != nil {
		t.Fatal(err)
	}
	d.Checkpoints = NewCheckpoints(fra, topic)
	p, err := Open(limited(t), Config{Source: ams, Target: fra, SourceTopic: "orders", TargetTopic: "orders", Declaration: d})
	if err != nil {
		t.Fatal(err)
	}
	return p, fra, topic
}

const (
	judgedID  = "ams/orders/1/orders"
	targetEnd = 90 // of its copy
)

// What was declared for a target that was created again since, or for records behind the end of
// one that has lost it, says nothing of what stands there now.
func TestWhatWasDeclaredOfAnotherTarget(t *testing.T) {
	p, fra, topic := judged(t, Declaration{})
	own, err := fra.Kafka().TopicID(limited(t), "orders", 1)
	if err != nil || own == "" {
		t.Fatalf("the topic has ID %q, %v", own, err)
	}
	expect := func(when string, undeclared int64) {
		t.Helper()
		r, err := p.Partition(limited(t), 1)
		if err != nil || r.Undeclared != undeclared || r.Wrong.Total() != 10-undeclared {
			t.Errorf("%s: %+v, %v; of %d want that it is not known", when, r, err, undeclared)
		}
	}
	mark := func(claim int64, id string, known int64) {
		t.Helper()
		save(t, fra, topic, judgedID, fmt.Sprintf("%s#1.%d", judgedID, claim), &events.ReplicationCheckpointed{
			Copy: judgedID, Generation: 1, Claim: claim, Next: 100, TargetId: id,
			Declared: []*events.ReplicationDeclared{{Unknown: true}, {From: known}},
		})
	}
	mark(targetEnd-10, "another", 100)
	expect("the target was created again", 0)
	mark(targetEnd+1, own, 100)
	expect("the target has lost its end", 0)
	mark(targetEnd-20, own, 50)
	expect("an earlier claim of this target", 5)
	mark(targetEnd, own, 30)
	expect("a claim at its end", 3)
	mark(targetEnd-5, "", 100)
	expect("a claim of which no ID was told", 3)
}

// A checkpoint says how far the source was decided when it was saved. What was copied behind it
// was decided by the same declaration, whatever is declared now.
func TestJustBehindANarrowing(t *testing.T) {
	p, fra, topic := judged(t, Declaration{Routed: &compare.Routing{Header: "to", Site: "fra"}}) // No record has it.
	save(t, fra, topic, judgedID, judgedID+"#1.1", &events.ReplicationCheckpointed{
		Copy: judgedID, Generation: 1, Claim: 1, Next: 50, Declared: []*events.ReplicationDeclared{{}},
	})
	r, err := p.Partition(limited(t), 1)
	if err != nil || r.Same != 90 || r.Wrong.Total() != 10 || r.Wrong[compare.Missing] != 10 {
		t.Errorf("%+v, %v; want that the 90 that were copied are the same, and 10 are missing", r, err)
	}
	save(t, fra, topic, judgedID, judgedID+"#2.1", &events.ReplicationCheckpointed{
		Copy: judgedID, Generation: 2, Claim: 1, Next: 50, Declared: []*events.ReplicationDeclared{{}},
	})
	if r, err = p.Partition(limited(t), 1); err != nil || r.Wrong[compare.Missing] != 5 {
		t.Errorf("%+v, %v; want that copies of another generation tell nothing", r, err)
	}
}

// The checkpoints of all topics are read once: those that were read and deleted since are known.
func TestCheckpointsAreReadOnce(t *testing.T) {
	p, fra, topic := judged(t, Declaration{})
	save(t, fra, topic, judgedID, judgedID+"#1.1", &events.ReplicationCheckpointed{
		Copy: judgedID, Generation: 1, Claim: 1, Next: 100, Declared: []*events.ReplicationDeclared{{Unknown: true}},
	})
	for when, open := range []func() *Pair{func() *Pair { return p }, func() *Pair {
		partition := events.CopyPartition(judgedID)
		if err := fra.Kafka().DeleteRecords(limited(t), topic, partition, 1); err != nil {
			t.Fatal(err)
		}
		again, err := Open(limited(t), p.cfg)
		if err != nil {
			t.Fatal(err)
		}
		return again
	}} {
		if r, err := open().Partition(limited(t), 1); err != nil || r.Undeclared != 10 {
			t.Errorf("pair %d: %+v, %v; want that of 10 it is not known what was declared", when, r, err)
		}
	}
}
