package replicator

import (
	"testing"
	"time"
)

// What is new at a source is found within a second: looks are so close that one of those which
// begin within that time tells of it. They are counted, for a slow machine takes longer for each.
func TestWhatIsNewIsFoundWithinASecond(t *testing.T) {
	cfg := DefaultConfig()
	most := int(time.Second / cfg.Discover)
	if most < 5 {
		t.Fatalf("a source is looked at each %v, want that it is 5 times a second at least", cfg.Discover)
	}
	ams := places(t, "ams")["ams"]
	v := newView("ams", ams.broker.Connect(), &cfg, func() {})
	find := func(partitions int32) {
		t.Helper()
		for looks := 1; ; looks++ {
			if err := v.look(t.Context()); err != nil {
				t.Fatal(err)
			}
			v.mu.Lock()
			seen := v.topics["orders"]
			v.mu.Unlock()
			if seen != nil && seen.info.Partitions == partitions {
				return
			}
			if looks == most {
				t.Fatalf("after %d looks, one each %v, it is not known that the topic has %d partitions: %+v", looks, cfg.Discover, partitions, seen)
			}
			<-time.After(cfg.Discover) // As run does.
		}
	}
	if err := v.look(t.Context()); err != nil || v.topics["orders"] != nil {
		t.Fatalf("%v; before it is there the topic is %+v", err, v.topics["orders"])
	}
	ams.create("orders", 2)
	find(2)
	if err := ams.cluster.Kafka().Grow(t.Context(), "orders", 3); err != nil {
		t.Fatal(err)
	}
	find(3)
}
