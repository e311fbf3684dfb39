package replicator

import (
	"testing"
	"time"

	"github.com/spanway/spanway/services/replicator/sitetest"
)

// What must hold on embedded brokers holds on two Apache Kafka: both ways with equal names,
// and keys of which a compacted source has no record any more.
func TestApacheSites(t *testing.T) {
	compacts := map[string]string{"log.cleaner.backoff.ms": "100"}
	all := on(t, map[string]*sitetest.Broker{"ams": sitetest.Apache(t, compacts), "fra": sitetest.Apache(t, compacts)})
	t.Run("both ways", func(t *testing.T) { bothWays(t, all) })
	for _, p := range all {
		p.links.declare(func(d *declarations) { d.linked = nil })
	}
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
