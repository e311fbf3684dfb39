package replicator

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/sitetest"
)

// While records flow the leaders of partitions move, of a source that one request waits for
// as a whole, and of a target: each record is copied once.
func TestLeadersMove(t *testing.T) {
	leadersMove(t, on(t, map[string]*sitetest.Broker{"ams": sitetest.EmbeddedOfTwo(t, "ams"), "fra": sitetest.Embedded(t, "fra")}))
}

// It is so of two brokers of Apache Kafka, too.
func TestApacheLeadersMove(t *testing.T) {
	leadersMove(t, on(t, map[string]*sitetest.Broker{"ams": sitetest.ApacheOfTwo(t), "fra": sitetest.Apache(t, nil)}))
}

// ams, which has two brokers, is the source of one topic and the target of another.
func leadersMove(t *testing.T, all map[string]*place) {
	const partitions, moves = 4, 4
	to := map[string]string{"ams": "fra", "fra": "ams"}
	ended := make(chan error, len(to)*partitions)
	writing, enough := context.WithCancel(t.Context())
	defer enough()
	for from, to := range to {
		topic := "from-" + from
		all[from].create(topic, partitions)
		all[to].serve("one")
		all[to].links.link(links.Spec{Name: "in", Source: from, Include: []string{topic}})
		for p := range int32(partitions) {
			go func() { ended <- all[from].flow(writing, topic, p) }()
		}
	}
	for i := range int32(moves) {
		for from := range to {
			topic, p := "from-"+from, i%partitions
			all[to[from]].further(topic, p)
			all["ams"].broker.MoveLeader(topic, p)
			all[to[from]].further(topic, p)
		}
	}
	enough()
	for range cap(ended) {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for from, to := range to {
		topic, n := "from-"+from, 0
		for p := range int32(partitions) {
			source := sitetest.Values(t, all[from].cluster, topic, p, 1)
			if target := sitetest.Values(t, all[to].cluster, topic, p, len(source)); !slices.Equal(source, target) {
				t.Errorf("%s/%d has %d records, which are not the %d of %s", topic, p, len(target), len(source), from)
			}
			n += len(source)
		}
		t.Logf("%s: %d records, each once and in order", topic, n)
	}
}

// further waits until some more records stand in a partition.
func (p *place) further(topic string, partition int32) {
	p.t.Helper()
	before := int64(-1)
	eventually(p.t, fmt.Sprintf("records flow into %s/%d at %s", topic, partition, p.name), func() bool {
		_, end, err := p.cluster.Offsets(p.t.Context(), topic, partition)
		if err == nil && before < 0 {
			before = end
		}
		return err == nil && end > before+10
	})
}

// flow writes one record after the other until ctx ends.
func (p *place) flow(ctx context.Context, topic string, partition int32) error {
	log, tick := p.cluster.Partition(topic, partition), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		r := events.Record{Timestamp: time.Now().UnixMilli(), Value: fmt.Append(nil, i)}
		// The last one is not given up: it would be unknown whether it stands.
		if _, err := log.Append(context.WithoutCancel(ctx), []events.Record{r}); err != nil {
			return fmt.Errorf("write %s/%d: %w", topic, partition, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return nil
}
