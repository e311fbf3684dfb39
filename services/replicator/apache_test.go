package replicator

import (
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/sitetest"
)

// What must hold on embedded brokers holds on Apache Kafka: both ways with equal names and with
// prefixes, a ring of three clusters, one cluster under two names, and keys of which a compacted
// source has no record any more.
func TestApacheSites(t *testing.T) {
	compacts := map[string]string{"log.cleaner.backoff.ms": "100"}
	three := map[string]*sitetest.Broker{}
	for _, name := range []string{"ams", "fra", "lis"} {
		three[name] = sitetest.Apache(t, compacts)
	}
	ring := on(t, three)
	all := map[string]*place{"ams": ring["ams"], "fra": ring["fra"]}
	noLinks := func() {
		for _, p := range ring {
			p.links.declare(func(d *declarations) { d.linked = nil })
		}
	}
	t.Run("a ring", func(t *testing.T) { aRing(t, ring) })
	noLinks()
	t.Run("both ways", func(t *testing.T) { bothWays(t, all) })
	noLinks()
	t.Run("two names", func(t *testing.T) { twoNames(t, all) })
	noLinks()
	t.Run("an application withdraws", func(t *testing.T) { withdrawsInFullFlow(t, all) })
	t.Run("the times of a broker", func(t *testing.T) { timesOfABroker(t, all) })
	noLinks()
	t.Run("prefixes there and back", func(t *testing.T) { thereAndBack(t, all) })
	noLinks()
	t.Run("a key that is gone", func(t *testing.T) {
		ams := all["ams"]
		aKeyIsGone(t, all, map[string]string{"segment.ms": "50", "min.cleanable.dirty.ratio": "0"}, func() {
			eventually(t, "the source has no record of the key", func() bool {
				ams.put("table", "e") // The newest segment is not compacted.
				return !ams.mentions("table", "b")
			})
		})
	})
}

// timesOfABroker copies a topic whose broker gives records the times at which they came, in place
// of those that their writers gave: the copies have these times of the source.
func timesOfABroker(t *testing.T, all map[string]*place) {
	ams, fra := all["ams"], all["fra"]
	ams.set("timed", 1, map[string]string{"message.timestamp.type": "LogAppendTime"})
	_, stop := fra.serve("times")
	defer stop()
	fra.links.link(links.Spec{Name: "times", Source: "ams", Include: []string{"timed"}})
	const n, batches = 3, 4
	given := time.Now().Add(-time.Hour).UnixMilli()
	for range batches {
		records := make([]events.Record, n)
		for i := range records {
			records[i] = events.Record{Timestamp: given + int64(i), Value: []byte("v")}
		}
		if _, err := ams.cluster.Partition("timed", 0).Append(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	sitetest.Values(t, fra.cluster, "timed", 0, n*batches)
	source, target := ams.times("timed"), fra.times("timed")
	if len(source) != n*batches || slices.Min(source) <= given+time.Minute.Milliseconds() {
		t.Fatalf("the source has the times %d: not those of its broker, but of %d", source, given)
	}
	if !slices.Equal(source, target) {
		t.Errorf("the copies have the times %d, want those of the source, %d", target, source)
	}
}

// times are those of the records of a topic.
func (p *place) times(topic string) (all []int64) {
	p.t.Helper()
	log := p.cluster.Partition(topic, 0)
	for next := int64(0); ; {
		page, err := log.Fetch(p.t.Context(), next, 0)
		if err != nil {
			p.t.Fatal(err)
		}
		for i := range page.Records {
			all = append(all, page.Records[i].Timestamp)
		}
		if next = page.Next; next >= page.End {
			return all
		}
	}
}

// mentions says whether a partition has a record of a key, though it deletes it.
func (p *place) mentions(topic, key string) (found bool) {
	p.t.Helper()
	log := p.cluster.Partition(topic, 0)
	for next := int64(0); ; {
		page, err := log.Fetch(p.t.Context(), next, time.Second)
		if err != nil {
			p.t.Fatal(err)
		}
		for i := range page.Records {
			found = found || string(page.Records[i].Key) == key
		}
		if next = page.Next; next >= page.End {
			return found
		}
	}
}
