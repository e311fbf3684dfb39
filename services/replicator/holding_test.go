package replicator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// byLink counts the copies that replicators have, by link.
func byLink(all ...*Service) map[string]int {
	n := map[string]int{}
	for _, s := range all {
		s.status.mu.Lock()
		for _, st := range s.status.copies {
			n[st.Link]++
		}
		s.status.mu.Unlock()
	}
	return n
}

// toldOf tells whether a copy of a link was ever told of.
func (p *place) toldOf(link string) bool {
	p.t.Helper()
	log := p.cluster.Partition(events.Topics{Prefix: events.DefaultPrefix}.ReplicationStatus(), 0)
	for next := int64(0); ; {
		page, err := log.Fetch(p.t.Context(), next, 0)
		if err != nil {
			p.t.Fatal(err)
		}
		if slices.ContainsFunc(page.Records, func(r events.Record) bool { return strings.HasPrefix(string(r.Key), link+"/") }) {
			return true
		}
		if next = page.Next; next >= page.End {
			return false
		}
	}
}

// deltas waits until the status tells so many copies of a link to be deltas.
func (p *place) deltas(link, target string, n int) {
	p.t.Helper()
	table := p.table(events.Topics{Prefix: events.DefaultPrefix}.ReplicationStatus())
	eventually(p.t, fmt.Sprintf("%d copies of %s are deltas", n, link), func() bool {
		all := table()
		for i := range n {
			if m, _ := all[copyKey(link, target, int32(i))].(*events.ReplicationCopyReported); m.GetState() != "delta" {
				return false
			}
		}
		return true
	})
}

// A link that has copied into a topic keeps it, whichever replicators of the site end and
// begin, although an older link chooses a topic for it, too.
func TestReplicatorsAgreeWhichLinkHasATopic(t *testing.T) {
	const partitions = 8
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("pay", partitions)
	one, stopOne := fra.serve("one")
	fra.links.link(links.Spec{Name: "older", Source: "ams", Include: []string{"xx\\.pay"}})
	fra.links.link(links.Spec{Name: "younger", Source: "ams", Include: []string{"pay"}, Prefix: "xx."})
	fra.deltas("younger", "xx.pay", partitions)
	ams.create("xx.pay", partitions)
	failed := func(m *events.ReplicationLinkReported) bool { return m.State == failed && m.Reason == "two_links" }
	shares(t, one, "older", "the older link has failed", failed)
	written := 0
	write := func() {
		t.Helper()
		for p := range int32(partitions) {
			ams.write("pay", p, written, 1)
		}
		written++
		for p := range int32(partitions) {
			fra.has("xx.pay", p, values("ams", written))
		}
	}
	write()
	two, stopTwo := fra.serve("two")
	eventually(t, "both have copies of the younger link", func() bool {
		n, of := byLink(one, two), byLink(two)
		return n["younger"] == partitions && n["older"] == 0 && of["younger"] > 0 && of["younger"] < partitions
	})
	shares(t, two, "older", "the older link has failed there, too", failed)
	write()
	stopOne()
	stopTwo()
	three, _ := fra.serve("three")
	shares(t, three, "older", "the older link has failed anew", failed)
	write()
	if n := byLink(three); n["younger"] != partitions || n["older"] > 0 {
		t.Errorf("after a restart there are %v", n)
	}
	if fra.toldOf("older") {
		t.Error("a replicator has run a copy of the older link")
	}
}

// Of two links that choose the same topic, by two names of a cluster, all replicators have
// that which was first to copy it.
func TestReplicatorsAgreeWhichOfTwoNamesOfAClusterIsCopied(t *testing.T) {
	const partitions = 8
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	fra.others["alias"] = ams.broker.Connect()
	ams.create("pay", partitions)
	one, _ := fra.serve("one")
	spec := links.Spec{Name: "older", Source: "alias", Include: []string{"other"}}
	fra.links.link(spec)
	fra.links.link(links.Spec{Name: "younger", Source: "ams", Include: []string{"pay"}})
	fra.deltas("younger", "pay", partitions)
	spec.Include = []string{"pay"}
	fra.links.link(spec)
	failed := func(m *events.ReplicationLinkReported) bool { return m.State == failed && m.Reason == "two_links" }
	shares(t, one, "older", "the older link has failed", failed)
	two, _ := fra.serve("two")
	eventually(t, "both have copies of the younger link", func() bool {
		return byLink(one, two)["younger"] == partitions && byLink(two)["younger"] > 0
	})
	shares(t, two, "older", "the older link has failed there, too", failed)
	if n := byLink(one, two); n["older"] > 0 || fra.toldOf("older") {
		t.Errorf("there are %v, and a copy of the older link was told of: %v", n, fra.toldOf("older"))
	}
}

// A replicator that begins while the source of a topic's holder is away gives the topic to no
// other link.
func TestALinkKeepsItsTopicWhileItsSourceIsAway(t *testing.T) {
	all := places(t, "ams", "lis", "fra")
	ams, lis, fra := all["ams"], all["lis"], all["fra"]
	lis.create("pay", 1)
	_, stop := fra.serve("one")
	fra.links.link(links.Spec{Name: "older", Source: "ams", Include: []string{"pay"}})
	fra.links.link(links.Spec{Name: "younger", Source: "lis", Include: []string{"pay"}})
	fra.deltas("younger", "pay", 1)
	stop()
	ams.create("pay", 1)
	ams.write("pay", 0, 0, 1)
	lis.restart(func() {
		two, _ := fra.over(all, &cable{}).serve("two") // It has never seen the source.
		shares(t, two, "younger", "the source of the holder is away", func(m *events.ReplicationLinkReported) bool {
			return m.Reason == "source_unreachable"
		})
		shares(t, two, "older", "the older link has failed", func(m *events.ReplicationLinkReported) bool {
			return m.State == failed && m.Reason == "two_links" && m.ConsistentSinceMs == 0
		})
		fra.holds("pay", 0, 0)
	})
	lis.write("pay", 0, 0, 1)
	fra.has("pay", 0, values("lis", 1))
}

// What nobody runs is not told as if somebody did: a copy that a replicator had told of, of a
// topic that its link has lost, is taken out, and the link is not consistent.
func TestACopyOfATopicThatTheLinkHasLost(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	for _, topic := range []string{"pay", "other"} {
		ams.create(topic, 1)
	}
	_, stop := fra.serve("one")
	fra.links.link(links.Spec{Name: "one", Source: "ams", Include: []string{"pay", "other"}})
	fra.deltas("one", "pay", 1)
	fra.deltas("one", "other", 1)
	stop()
	table := fra.table(events.Topics{Prefix: events.DefaultPrefix}.ReplicationStatus())
	if table()["one/pay/0"] == nil {
		t.Fatal("the copy was not told of")
	}
	// Meanwhile its target has come to be such that it cannot be copied.
	if err := fra.cluster.Kafka().Set(t.Context(), "pay", map[string]string{"message.timestamp.type": "LogAppendTime"}); err != nil {
		t.Fatal(err)
	}
	two, _ := fra.serve("two")
	until(t, two, "one/other/0", "the other copy is consistent", func(st *standing) bool { return !st.report.ConsistentSince.IsZero() })
	shares(t, two, "one", "it has failed and is not consistent", func(m *events.ReplicationLinkReported) bool {
		return m.State == "delta" && m.Copies == 1 && m.FailedTopics == 1 && m.Reason == "log_append_time" && m.ConsistentSinceMs == 0
	})
	eventually(t, "the copy is not told of", func() bool { return table()["one/pay/0"] == nil && table()["one/other/0"] != nil })
}

// Of two replicators each knows of one link only when both links begin, into one topic: no more
// than one of the links copies a record, into whichever partitions, and it goes on when both
// know of both.
func TestTwoLinksThatBeginAtOnceDoNotMeet(t *testing.T) {
	const partitions, records = 8, 20
	all := places(t, "ams", "lis", "fra")
	ams, lis, fra := all["ams"], all["lis"], all["fra"]
	ams.create("xx.pay", partitions)
	lis.create("pay", partitions)
	for p := range int32(partitions) {
		ams.write("xx.pay", p, 0, records)
		lis.write("pay", p, 0, records)
	}
	other := fra.over(all, &cable{})
	other.links = &declarations{}
	one, _ := fra.serve("one")
	two, _ := other.serve("two")
	eventually(t, "both have a part of the copies", func() bool {
		_, _, of, _ := one.declared.get(time.Now())
		_, _, rest, _ := two.declared.get(time.Now())
		return len(of) > 0 && len(rest) > 0 && len(of)+len(rest) == int(events.CheckpointPartitions)
	})
	specs := []links.Spec{
		{Name: "older", Source: "ams", Include: []string{"xx\\.pay"}},
		{Name: "younger", Source: "lis", Include: []string{"pay"}, Prefix: "xx."},
	}
	declare := func(p *place, which ...int) {
		p.links.declare(func(d *declarations) {
			for _, i := range which {
				d.linked = append(d.linked, links.Link{Spec: specs[i], Since: int64(i + 1)})
			}
		})
	}
	declare(fra, 0)
	declare(other, 1)
	eventually(t, "a link was told of", func() bool { return fra.toldOf("older") || fra.toldOf("younger") })
	declare(fra, 1)
	declare(other, 0)
	has := func() (names []string) {
		for name, n := range byLink(one, two) {
			if n == partitions {
				names = append(names, name)
			}
		}
		return names
	}
	eventually(t, "one of the links has all of the topic", func() bool { return len(has()) == 1 && len(byLink(one, two)) == 1 })
	site := map[string]string{"older": "ams", "younger": "lis"}[has()[0]]
	for p := range int32(partitions) {
		fra.has("xx.pay", p, values(site, records))
		fra.holds("xx.pay", p, records)
	}
}
