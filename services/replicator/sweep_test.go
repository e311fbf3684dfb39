package replicator

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/audit"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// What a compacted source has deleted, with its tombstone, while no replicator ran is
// deleted from the copy. The audit takes the copy for a true one then, and did not before.
func TestAKeyThatIsGone(t *testing.T) {
	all := places(t, "ams", "fra")
	aKeyIsGone(t, all, nil, func() {
		ams := all["ams"]
		if ams.broker.Compact(); ams.count("table", 0) != 4 {
			t.Fatalf("the source has %d records", ams.count("table", 0))
		}
	})
}

// aKeyIsGone has the source compact what it has by a function.
func aKeyIsGone(t *testing.T, all map[string]*place, settings map[string]string, compact func()) {
	ams, fra := all["ams"], all["fra"]
	s, stop := fra.serve("one")
	spec := events.TopicSpec{Name: "table", Partitions: 1, Config: map[string]string{"cleanup.policy": "compact", "delete.retention.ms": "0"}}
	maps.Copy(spec.Config, settings)
	if err := ams.cluster.Kafka().Create(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	ams.put("table", "a", "b", "c")
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"table"}})
	eventually(t, "all is copied", func() bool { return slices.Equal(fra.keys("table"), []string{"a", "b", "c"}) })
	until(t, s, "in/table/0", "it is a delta", func(st *standing) bool { return st.report.State == mirror.Delta })
	stop()
	fra.forget(s.topics.ReplicationCheckpoints())
	ams.put("table", "-b", "d", "e")
	compact()
	if n := ams.keys("table"); !slices.Equal(n, []string{"a", "c", "d", "e"}) {
		t.Fatalf("the source has %v", n)
	}
	fra.audits(ams, "table", false)
	s, _ = fra.serve("two")
	eventually(t, "the key is deleted", func() bool { return slices.Equal(fra.keys("table"), []string{"a", "c", "d", "e"}) })
	until(t, s, "in/table/0", "it goes on", func(st *standing) bool { return st.report.State == mirror.Delta && st.report.Counts.Swept == 1 })
	fra.audits(ams, "table", true)
	ams.put("table", "b", "-c")
	eventually(t, "it is copied on", func() bool { return slices.Equal(fra.keys("table"), []string{"a", "b", "d", "e"}) })
	_, end, err := fra.cluster.Offsets(t.Context(), "table", 0)
	if err != nil {
		t.Fatal(err)
	}
	until(t, s, "in/table/0", "all is audited, and true", func(st *standing) bool { return st.audited >= end && st.differs == 0 })
}

// put writes a record of each key; "-" in front of it deletes it.
func (p *place) put(topic string, keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		r := events.Record{Timestamp: time.Now().UnixMilli(), Key: []byte(key), Value: []byte("v")}
		if key[0] == '-' {
			r.Key, r.Value = r.Key[1:], nil
		}
		if _, err := p.cluster.Partition(topic, 0).Append(p.t.Context(), []events.Record{r}); err != nil {
			p.t.Fatal(err)
		}
	}
}

// keys are those that a partition has, in their order.
func (p *place) keys(topic string) (keys []string) {
	log := p.cluster.Partition(topic, 0)
	for next := int64(0); ; {
		page, err := log.Fetch(p.t.Context(), next, 0)
		if err != nil {
			return nil // The topic is to come.
		}
		for _, r := range page.Records {
			keys = slices.DeleteFunc(keys, func(k string) bool { return k == string(r.Key) })
			if r.Value != nil {
				keys = append(keys, string(r.Key))
			}
		}
		if next = page.Next; next >= page.End {
			slices.Sort(keys)
			return keys
		}
	}
}

// forget deletes all keys of a table.
func (p *place) forget(topic string) {
	p.t.Helper()
	for n := range events.CheckpointPartitions {
		page, err := p.cluster.Partition(topic, n).Fetch(p.t.Context(), 0, 0)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, r := range page.Records {
			if _, err := p.cluster.Partition(topic, n).Append(p.t.Context(), []events.Record{{Timestamp: r.Timestamp, Key: r.Key}}); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

// audits fails unless an audit finds the copy of a topic equal, or not.
func (p *place) audits(source *place, topic string, equal bool) {
	p.t.Helper()
	pair, err := audit.Open(p.t.Context(), audit.Config{Source: source.cluster, Target: p.cluster, SourceTopic: topic, TargetTopic: topic})
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := pair.Partition(p.t.Context(), 0)
	if err != nil || r.Equal() != equal {
		p.t.Errorf("the audit says %+v, keys %+v: %v", r, r.Keys, err)
	}
}
