package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// G10: whatever happens to what is between, or on either side, each record stands in the
// target once.
func TestCopiesGoOn(t *testing.T)       { copiesGoOn(t, twoOnKfake) }
func TestApacheCopiesGoOn(t *testing.T) { copiesGoOn(t, twoOnApache) }

func copiesGoOn(t *testing.T, on func(t *testing.T) twoSites) {
	t.Parallel()
	sites, fragile := on(t), builtWith(t, "failpoints")
	t.Run("side by side", func(t *testing.T) {
		for name, happens := range map[string]func(*testing.T, twoSites, string){
			"stopped": stoppedReplicator, "unanswered": lostAcknowledgements, "recreated": createdAgain,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				happens(t, sites, fragile)
			})
		}
	})
	t.Run("killed", func(t *testing.T) { killedBrokers(t, sites) })
}

// A replicator is stopped with a batch in its hand, another takes its copies over, and the
// first goes on: the broker refuses what it sends.
func stoppedReplicator(t *testing.T, sites twoSites, fragile string) {
	w := newLinkWorld(t, sites, sites.addrs(), "stopped", fragile, 1)
	load := w.load(20 * time.Millisecond)
	w.zombie().log.await(t, "another writer has claimed it", patience)
	load.stop()
	w.copied(1)
	w.equal(nil)
}

// The target's broker has appended batches, and the answers are lost on the way.
func lostAcknowledgements(t *testing.T, sites twoSites, _ string) {
	proxy := newLinkProxy(t, sites.fra.Addr())
	w := newLinkWorld(t, sites, [2]string{sites.ams.Addr(), proxy.addr()}, "unanswered", binary, 1)
	load := w.load(20 * time.Millisecond)
	w.replicator("one", "")
	w.copied(1)
	const some = 10
	proxy.lose.Store(3)
	eventually(t, patience, "answers are lost", func(context.Context) bool { return proxy.lost.Load() >= some })
	proxy.lose.Store(0)
	load.stop()
	w.copied(1)
	w.equal(nil)
	t.Logf("%d of %d acknowledgements were lost", proxy.lost.Load(), proxy.produced.Load())
}

// The topic of the source is deleted and created again, and has more records than before
// when the replicator sees it.
func createdAgain(t *testing.T, sites twoSites, _ string) {
	w := newLinkWorld(t, sites, sites.addrs(), "recreated", binary, 1, "--on-recreated", "go_on")
	load := w.load(time.Millisecond)
	p := w.replicator("one", "")
	w.copied(1)
	load.stop()
	w.copied(1)
	before := readLinkTopic(t, w.source, w.topic)
	stop(p) // It sees nothing in between.
	if err := w.source.Kafka().DeleteTopics(t.Context(), []string{w.topic}); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "the topic is created again", func(ctx context.Context) bool {
		_ = w.source.Kafka().Create(ctx, events.TopicSpec{Name: w.topic, Partitions: 1})
		_, end, err := w.source.Offsets(ctx, w.topic, 0)
		return err == nil && end == 0
	})
	random := rand.New(rand.NewPCG(5, 5))
	for n := 0; n <= len(before[0]); n += 50 {
		batch := make([]events.Record, 51)
		for i := range batch {
			batch[i] = linkRecord(random, 1_000_000+n+i)
		}
		if _, err := w.source.Partition(w.topic, 0).Append(t.Context(), batch); err != nil {
			t.Fatal(fmt.Errorf("write to the new topic: %w", err))
		}
	}
	cont(p)
	w.copied(2)
	w.equal(before)
}

// Each broker is killed and comes back under load.
func killedBrokers(t *testing.T, sites twoSites) {
	w := newLinkWorld(t, sites, sites.addrs(), "killed", binary, 1)
	load := w.load(20 * time.Millisecond)
	w.replicator("one", "")
	for _, victim := range []broker{sites.ams, sites.fra} {
		w.copied(1)
		// A kfake that is killed forgets its producers, and so takes a batch twice that was on its
		// way: nothing is on its way to it then. Apache Kafka is killed under load.
		_, forgets := victim.(*kfakeBroker)
		idle := forgets && victim == sites.fra
		if idle {
			load.stop()
			w.copied(1)
		}
		victim.Kill()
		victim.Start()
		if idle {
			load = w.load(20 * time.Millisecond)
		}
	}
	w.copied(1)
	load.stop()
	w.copied(1)
	w.equal(nil)
}
