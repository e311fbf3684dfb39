package replicator

import (
	"log/slog"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/startstoptest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

// A link that is declared while the replicator runs copies the topics that are there, and
// those that come, from their first record.
func TestALinkIsDeclared(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	fra.serve("one")
	ams.create("orders", 2)
	ams.write("orders", 0, 0, 100)
	ams.write("orders", 1, 0, 10)
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders.*"}})
	fra.has("orders", 0, values("ams", 100))
	fra.has("orders", 1, values("ams", 10))
	ams.create("orders.new", 1)
	ams.write("orders.new", 0, 0, 50)
	created := time.Now()
	fra.has("orders.new", 0, values("ams", 50))
	t.Logf("a new topic was copied after %v", time.Since(created))
	ams.write("orders", 0, 100, 1)
	fra.has("orders", 0, values("ams", 101))
	fra.holds("orders.new", 0, 50)
}

// Partitions that the source gets while it is copied are copied from their first record.
func TestATopicGrows(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	s, _ := fra.serve("one")
	ams.create("orders", 1)
	ams.write("orders", 0, 0, 10)
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	fra.has("orders", 0, values("ams", 10))
	until(t, s, "in/orders/0", "it is a delta", func(st *standing) bool { return st.report.State == mirror.Delta })
	began := look(s, "in/orders/0").report.Since
	if err := ams.cluster.Kafka().Grow(t.Context(), "orders", 3); err != nil {
		t.Fatal(err)
	}
	for p := range int32(3) {
		if p > 0 {
			ams.write("orders", p, 0, 5)
			fra.has("orders", p, values("ams", 5))
		}
	}
	ams.write("orders", 0, 10, 1)
	fra.has("orders", 0, values("ams", 11))
	if now := look(s, "in/orders/0").report.Since; now != began {
		t.Errorf("the partition that was there was begun anew: since %v, then %v", began, now)
	}
}

// Two sites copy the same topic both ways: each record stands at each site once.
func TestBothWays(t *testing.T) { bothWays(t, places(t, "ams", "fra")) }

func bothWays(t *testing.T, all map[string]*place) {
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 1)
	fra.create("orders", 1)
	ams.write("orders", 0, 0, 20)
	fra.write("orders", 0, 0, 30)
	for _, p := range all {
		_, stop := p.serve("one")
		defer stop()
	}
	ams.links.link(links.Spec{Name: "in", Source: "fra", Include: []string{"orders"}, Shared: true})
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}, Shared: true})
	for i := range 3 {
		ams.write("orders", 0, 20+i, 1)
		fra.write("orders", 0, 30+i, 1)
	}
	for _, p := range all {
		p.has("orders", 0, values("ams", 23), values("fra", 33))
	}
	for _, p := range all {
		p.holds("orders", 0, 56)
	}
}

// A ring whose links copy copies, too: each record goes round once.
func TestARing(t *testing.T) { aRing(t, places(t, "ams", "fra", "lis")) }

func aRing(t *testing.T, all map[string]*place) {
	const topic, each = "ring", 10
	served := map[string]*Service{}
	for name, source := range map[string]string{"ams": "lis", "fra": "ams", "lis": "fra"} {
		p := all[name]
		p.create(topic, 1)
		p.write(topic, 0, 0, each)
		p.links.link(links.Spec{Name: "in", Source: source, Include: []string{topic}, Shared: true, Relay: true})
		s, stop := p.serve("one")
		defer stop()
		served[name] = s
	}
	for _, p := range all {
		p.has(topic, 0, values("ams", each), values("fra", each), values("lis", each))
	}
	for name, s := range served {
		until(t, s, "in/"+topic+"/0", "what has come round to "+name+" ends there, by its trail", func(st *standing) bool {
			return st.report.Counts.Looped == each && st.behind() == 0
		})
	}
	for _, p := range all {
		p.holds(topic, 0, len(all)*each)
	}
}

// A link that is paused stops, the other goes on untouched; resumed it goes on where it
// was.
func TestAPauseIsOfOneLink(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	s, _ := fra.serve("one")
	ams.create("a", 1)
	ams.create("b", 1)
	one, two := links.Spec{Name: "one", Source: "ams", Include: []string{"a"}}, links.Spec{Name: "two", Source: "ams", Include: []string{"b"}}
	fra.links.link(one)
	fra.links.link(two)
	ams.write("a", 0, 0, 5)
	ams.write("b", 0, 0, 5)
	fra.has("a", 0, values("ams", 5))
	fra.has("b", 0, values("ams", 5))
	until(t, s, "two/b/0", "it is a delta", func(st *standing) bool { return st.report.State == mirror.Delta })
	began := look(s, "two/b/0").report.Since
	fra.links.link(one, func(l *links.Link) { l.Paused = true })
	until(t, s, "one/a/0", "it is paused", func(st *standing) bool { return st.report.Paused })
	ams.write("a", 0, 5, 5)
	ams.write("b", 0, 5, 5)
	fra.has("b", 0, values("ams", 10))
	fra.holds("a", 0, 5)
	if now := look(s, "two/b/0").report.Since; now != began {
		t.Errorf("the other link was begun anew")
	}
	fra.links.link(one)
	fra.has("a", 0, values("ams", 10))
	fra.holds("a", 0, 10)
}

// Two replicators share the copies. When one ends or dies, the other has them all, and
// nothing stands twice.
func TestTwoShareTheCopies(t *testing.T) {
	for name, end := range map[string]func(stop func(), c *cable){
		"one ends": func(stop func(), _ *cable) { stop() },
		"one dies": func(_ func(), c *cable) { c.cut() },
	} {
		t.Run(name, func(t *testing.T) { twoShare(t, end) })
	}
}

func twoShare(t *testing.T, end func(stop func(), c *cable)) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	const partitions = 16
	ams.create("orders", partitions)
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	var c cable
	one, stop := fra.over(all, &c).serve("one")
	two, _ := fra.serve("two")
	eventually(t, "both have copies", func() bool {
		a, b := running(one), running(two)
		return a > 0 && b > 0 && a+b == partitions
	})
	for p := range int32(partitions) {
		ams.write("orders", p, 0, 50)
	}
	fra.has("orders", 0, values("ams", 50))
	end(stop, &c)
	for p := range int32(partitions) {
		ams.write("orders", p, 50, 10)
	}
	for p := range int32(partitions) {
		fra.has("orders", p, values("ams", 60))
		fra.holds("orders", p, 60)
	}
}

// running is how many copies a replicator has.
func running(s *Service) int {
	s.status.mu.Lock()
	defer s.status.mu.Unlock()
	return len(s.status.copies)
}

// A record goes to the sites that it names, and to no other.
func TestRoutedRecords(t *testing.T) {
	all := places(t, "ams", "fra", "lis")
	ams := all["ams"]
	ams.create("orders", 1)
	for _, name := range []string{"fra", "lis"} {
		all[name].links.link(links.Spec{Name: "in", Source: "ams", Model: links.Routed, Include: []string{"orders"}, Routing: links.Routing{Header: "to"}})
		all[name].serve("one")
	}
	to := func(sites string) events.Header { return events.Header{Key: "to", Value: []byte(sites)} }
	ams.write("orders", 0, 0, 1, to("fra"))
	ams.write("orders", 0, 1, 1, to("lis"))
	ams.write("orders", 0, 2, 1, to("lis, fra"))
	ams.write("orders", 0, 3, 1)
	ams.write("orders", 0, 4, 1, to("fra,lis"))
	all["fra"].has("orders", 0, []string{"ams-0", "ams-2", "ams-4"})
	all["lis"].has("orders", 0, []string{"ams-1", "ams-2", "ams-4"})
	all["fra"].holds("orders", 0, 3)
}

// A group that gets a site while replicators run is copied there from then on, and other
// topics are not begun anew.
func TestAGroupGetsASite(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("a", 1)
	ams.create("b", 1)
	ams.write("a", 0, 0, 5)
	ams.write("b", 0, 0, 5)
	s, _ := fra.serve("one")
	fra.links.declare(func(d *declarations) {
		d.groups = []links.Group{{Name: "g", Topics: []string{"a"}, Sites: []string{"fra"}}, {Name: "h", Topics: []string{"b"}, Sites: []string{"lis"}}}
		d.linked = []links.Link{{Spec: links.Spec{Name: "in", Source: "ams", Model: links.Grouped, Groups: []string{"g", "h"}}}}
	})
	fra.has("a", 0, values("ams", 5))
	until(t, s, "in/a/0", "it is a delta", func(st *standing) bool { return st.report.State == mirror.Delta })
	began := look(s, "in/a/0").report.Since
	if look(s, "in/b/0") != nil {
		t.Error("b is copied to a site that its group does not have")
	}
	fra.links.declare(func(d *declarations) { d.groups[1].Sites = []string{"lis", "fra"} })
	fra.has("b", 0, values("ams", 5))
	if now := look(s, "in/a/0").report.Since; now != began {
		t.Error("the other topic was begun anew")
	}
}

// A source that is away is told at its link; the others go on, and it goes on by itself when it
// is back.
func TestASourceIsAway(t *testing.T) {
	all := places(t, "ams", "fra", "lis")
	ams, fra, lis := all["ams"], all["fra"], all["lis"]
	s, _ := fra.serve("one")
	ams.create("a", 1)
	lis.create("b", 1)
	fra.links.link(links.Spec{Name: "one", Source: "ams", Include: []string{"a"}})
	fra.links.link(links.Spec{Name: "two", Source: "lis", Include: []string{"b"}})
	fra.links.link(links.Spec{Name: "three", Source: "oslo", Include: []string{"c"}})
	ams.write("a", 0, 0, 5)
	fra.has("a", 0, values("ams", 5))
	ams.restart(func() {
		shares(t, s, "one", "its source is away", func(m *events.ReplicationLinkReported) bool {
			return m.State == "failed" && m.Reason == string(selection.SourceUnreachable) && len(m.Problems) == 1
		})
		lis.write("b", 0, 0, 5)
		fra.has("b", 0, values("lis", 5))
	})
	shares(t, s, "three", "its source is not known", func(m *events.ReplicationLinkReported) bool {
		return m.State == "failed" && m.Reason == string(selection.UnknownSource)
	})
	ams.write("a", 0, 5, 5)
	fra.has("a", 0, values("ams", 10))
	shares(t, s, "one", "it goes on", func(m *events.ReplicationLinkReported) bool { return m.State == "delta" && len(m.Problems) == 0 })
}

// What is deleted at the source is deleted at the target, but for the newest copy.
func TestDeletionsFollow(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	fra.serve("one")
	ams.create("orders", 1)
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	there := 0
	for _, c := range []struct{ write, keep int }{{30, 10}, {5, 0}} {
		ams.write("orders", 0, 0, c.write)
		_, end, err := ams.cluster.Offsets(t.Context(), "orders", 0)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "all is copied", func() bool { return fra.count("orders", 0) == there+c.write })
		if err := ams.cluster.Kafka().DeleteRecords(t.Context(), "orders", 0, end-int64(c.keep)); err != nil {
			t.Fatal(err)
		}
		ams.write("orders", 0, 100, 1) // A source that is read tells its beginning at once.
		there = c.keep + 1
		eventually(t, "the copies of what was deleted are deleted", func() bool { return fra.count("orders", 0) == there })
	}
}

// What a replicator writes to the status: each copy, and once a second each link; what ends
// is deleted from it.
func TestStatus(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	_, stop := fra.serve("one")
	ams.create("orders", 2)
	ams.write("orders", 0, 0, 40)
	link := links.Spec{Name: "in", Source: "ams", Include: []string{"orders", "__consumer_offsets"}}
	fra.links.link(link)
	table := fra.table("spanway.replication.status")
	var copied *events.ReplicationCopyReported
	eventually(t, "the copy is reported", func() bool {
		copied, _ = table()["in/orders/0"].(*events.ReplicationCopyReported)
		return copied.GetState() == "delta" && copied.GetNext() == 40
	})
	if copied.Topic != "orders" || copied.Counts.Copied != 40 || copied.SourceEnd != 40 || copied.ConsistentSinceMs == 0 || copied.Replicator != "one" || copied.Counts.Bytes == 0 {
		t.Errorf("%v", copied)
	}
	beats := map[int64]bool{}
	eventually(t, "an idle link is alive", func() bool {
		m, _ := table()["in@one"].(*events.ReplicationLinkReported)
		beats[m.GetAtMs()] = true
		return len(beats) > 2 && m.Copies == 2 && m.State == "delta" && m.Lag == 0 && m.ConsistentSinceMs > 0
	})
	fra.links.declare(func(d *declarations) { d.linked = nil })
	eventually(t, "what ended is deleted", func() bool { return len(table()) == 0 })
	fra.links.link(link)
	eventually(t, "it is back", func() bool { return len(table()) == 3 })
	stop()
	eventually(t, "the share of a replicator that ended is deleted", func() bool { return table()["in@one"] == nil })
}

func TestStartStop(t *testing.T) {
	startstoptest.Stress(t, func(t *testing.T) (startstoptest.Service, func()) {
		broker, err := embedded.Start(embedded.Config{})
		if err != nil {
			t.Fatal(err)
		}
		quiet := slog.New(slog.DiscardHandler)
		c, err := cluster.Open(cluster.Config{Brokers: broker.Addrs(), Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(DefaultConfig(), Deps{Cluster: c, Links: &declarations{}, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		return s, func() {
			c.Close()
			broker.Close()
		}
	})
}

// A copy that has stopped is tried again when an operator resumes it, and goes on when what
// stopped it is accepted; others are not begun anew.
func TestAStoppedCopyIsResumed(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	s, _ := fra.serve("one")
	ams.create("a", 1)
	ams.create("b", 1)
	fra.create("b", 1)
	fra.write("b", 0, 0, 3)
	ams.write("a", 0, 0, 5)
	ams.write("b", 0, 0, 5)
	spec := links.Spec{Name: "in", Source: "ams", Include: []string{"a|b"}}
	fra.links.link(spec)
	until(t, s, "in/b/0", "it has stopped", func(st *standing) bool {
		return st.report.State == mirror.Stopped && st.report.Reason == mirror.TargetNotEmpty
	})
	until(t, s, "in/a/0", "it is a delta", func(st *standing) bool { return st.report.State == mirror.Delta })
	began := look(s, "in/a/0").report.Since
	shares(t, s, "in", "it tells of it", func(m *events.ReplicationLinkReported) bool {
		return m.State == "delta" && m.Reason == "target_not_empty" && m.Stopped == 1 && m.Copies == 2
	})
	fra.links.link(spec, func(l *links.Link) {
		l.Resumed = []links.Resumption{{Topic: "b", Partition: -1, Tolerate: 3, Revision: 9}}
	})
	fra.has("b", 0, values("fra", 3), values("ams", 5))
	fra.has("a", 0, values("ams", 5))
	if now := look(s, "in/a/0").report.Since; now != began {
		t.Error("the other copy was begun anew")
	}
}

// A link that goes without the fence leaves no marker in the target, and one that has it does.
func TestALinkWithoutTheFence(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	fra.serve("one")
	for _, topic := range []string{"fenced", "unfenced"} {
		ams.create(topic, 1)
		ams.write(topic, 0, 0, 5)
		fra.links.link(links.Spec{Name: topic, Source: "ams", Include: []string{topic}, Unfenced: topic == "unfenced"})
		fra.has(topic, 0, values("ams", 5))
		_, end, err := fra.cluster.Offsets(t.Context(), topic, 0)
		if marked := end > 5; err != nil || marked != (topic == "fenced") {
			t.Errorf("%s ends at %d, %v", topic, end, err)
		}
	}
}
