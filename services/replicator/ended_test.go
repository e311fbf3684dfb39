package replicator

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

// A topic that its source has deleted stays in the status, with where the copy ends, however
// the replicators change, until it is created again or the link does not choose it any more.
func TestATopicThatItsSourceDeleted(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	for _, topic := range []string{"early", "orders"} {
		ams.create(topic, 2)
		ams.write(topic, 0, 0, 5)
	}
	_, stop := fra.serve("one")
	spec := links.Spec{Name: "in", Source: "ams", Include: []string{"early|orders"}}
	fra.links.link(spec)
	fra.has("early", 0, values("ams", 5))
	fra.has("orders", 0, values("ams", 5))
	table := fra.table(events.Topics{Prefix: events.DefaultPrefix}.ReplicationStatus())
	told := func(what, key, state string) (m *events.ReplicationCopyReported) {
		t.Helper()
		eventually(t, what, func() bool {
			m, _ = table()[key].(*events.ReplicationCopyReported)
			return m.GetState() == state && (state != sourceDeleted || m.GetTargetEnd() > 0 || m.GetPartition() == 1)
		})
		return m
	}
	remove := func(topic string) {
		t.Helper()
		if err := ams.cluster.Kafka().DeleteTopics(t.Context(), []string{topic}); err != nil {
			t.Fatal(err)
		}
	}
	told("it is a delta", "in/orders/0", "delta")
	remove("orders")
	m := told("it is told of", "in/orders/0", sourceDeleted)
	_, end, err := fra.cluster.Offsets(t.Context(), "orders", 0)
	if err != nil || m.TargetEnd != end || m.Next != 5 || m.SourceEnd != 5 || m.SinceMs == 0 || m.Topic != "orders" {
		t.Errorf("%v; the copy ends at %d, %v", m, end, err)
	}
	told("so is its other partition", "in/orders/1", sourceDeleted)
	fra.holds("orders", 0, 5)
	stop()
	remove("early")
	s, _ := fra.serve("two") // It has had neither.
	told("one that was deleted while no replicator ran is told of", "in/early/0", sourceDeleted)
	shares(t, s, "in", "no copy is left", func(m *events.ReplicationLinkReported) bool { return m.State == "idle" && m.Copies == 0 })
	if again := told("it is still told of", "in/orders/0", sourceDeleted); again.SinceMs != m.SinceMs {
		t.Errorf("since %d, and %d before", again.SinceMs, m.SinceMs)
	}
	ams.create("orders", 2)
	ams.write("orders", 0, 0, 1)
	until(t, s, "in/orders/0", "it is another topic", func(st *standing) bool {
		return st.report.State == mirror.Stopped && st.report.Reason == mirror.SourceChanged
	})
	told("it is a copy again", "in/orders/0", "stopped")
	spec.Include = []string{"orders"}
	fra.links.link(spec)
	eventually(t, "what is not chosen is not told of", func() bool {
		all := table()
		return all["in/early/0"] == nil && all["in/early/1"] == nil && all["in/orders/0"] != nil
	})
}

// What the source had, and was not copied, is known still when it is deleted.
func TestASourceThatIsDeletedBeforeAllIsCopied(t *testing.T) {
	for _, c := range []struct{ next, end, want int64 }{{26, 100, 100}, {5, 5, 5}, {5, 0, 5}} {
		s := &status{ended: map[string]*ended{}}
		s.end("in/orders/0", &events.ReplicationCopyReported{Next: c.next, SourceEnd: c.end, LagUnknown: c.end == 0})
		if m := s.ended["in/orders/0"].report; m.SourceEnd != c.want || m.Next != c.next {
			t.Errorf("a copy at %d of %d is told as %v", c.next, c.end, m)
		}
	}
}

// What is told of a copy is deleted only by the process that has its partition: the record may
// already be another's.
func TestWhoDeletesWhatIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		fate       selection.Fate
		owns       bool
		kept, gone bool
	}{
		"it is there again":                            {selection.Present, true, false, true},
		"it is there again, and another has it":        {selection.Present, false, false, false},
		"it is not chosen, and another has it":         {selection.Unwanted, false, false, false},
		"it is not there, and another has it":          {selection.SourceDeleted, false, false, false},
		"it is not there":                              {selection.SourceDeleted, true, true, false},
		"its source is away, and who has it not known": {selection.Unknown, false, true, false},
	} {
		key := copyKey("in", "orders", 0)
		s := &status{gone: map[string]bool{}, ended: map[string]*ended{
			key: {report: &events.ReplicationCopyReported{Link: "in", Topic: "orders", TargetTopic: "orders", State: sourceDeleted}},
		}}
		s.settle(&selection.Selection{}, &past{
			fate: func(string, string, string, int32) selection.Fate { return c.fate },
			owns: func(string, string, string, int32) bool { return c.owns },
		})
		if kept, gone := s.ended[key] != nil, s.gone[key]; kept != c.kept || gone != c.gone {
			t.Errorf("%s: it is kept: %v, and deleted: %v", name, kept, gone)
		}
	}
}

// What was told of a copy that its link does not choose any more, since no replicator ran, is
// deleted, whatever its state was: it would hold its target topic.
func TestWhatNobodyWantsIsToldNoMore(t *testing.T) {
	for name, c := range map[string]struct {
		fate selection.Fate
		owns bool
		gone bool
	}{
		"it is not chosen":                      {selection.Unwanted, true, true},
		"it is not chosen, and is another's":    {selection.Unwanted, false, false},
		"it is chosen":                          {selection.Present, true, false},
		"its source is away":                    {selection.Unknown, true, false},
		"it is not there, and to be told of":    {selection.SourceDeleted, true, false},
		"it is not there, and another tells it": {selection.SourceDeleted, false, false},
	} {
		m := &events.ReplicationCopyReported{Link: "in", Topic: "orders", TargetTopic: "orders", State: "delta"}
		s := &status{gone: map[string]bool{}, ended: map[string]*ended{}, recalled: []*events.ReplicationCopyReported{m}}
		s.settle(&selection.Selection{}, &past{
			fate: func(string, string, string, int32) selection.Fate { return c.fate },
			owns: func(string, string, string, int32) bool { return c.owns },
		})
		if gone := s.gone[copyKey("in", "orders", 0)]; gone != c.gone {
			t.Errorf("%s: it is deleted: %v", name, gone)
		}
	}
}

// A target topic that was deleted is made again soon, for the broker tells when it is written
// to; one that is only missing from what the brokers list is waited for.
func TestATargetTopicThatWasDeleted(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 1)
	ams.write("orders", 0, 0, 5)
	fra.linger = time.Hour // It must be the broker that tells.
	fra.serve("one")
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	fra.has("orders", 0, values("ams", 5))
	if err := fra.cluster.Kafka().DeleteTopics(t.Context(), []string{"orders"}); err != nil {
		t.Fatal(err)
	}
	ams.write("orders", 0, 5, 1)
	eventually(t, "it is made again", func() bool { return fra.count("orders", 0) == 6 })
}

// A topic that the source hides, for a right is missing, is not deleted.
func TestATopicThatIsHidden(t *testing.T) {
	now := time.Now()
	long := now.Add(-time.Hour)
	v := &view{linger: linger, topics: map[string]*seen{"hidden": {at: long}, "deleted": {at: long}, "there": {at: long}, "moves": {at: now}}}
	info := &kafka.ClusterInfo{Topics: []kafka.TopicInfo{{Name: "there"}}}
	missing := v.missing(info, now)
	slices.Sort(missing)
	if !slices.Equal(missing, []string{"deleted", "hidden"}) {
		t.Errorf("asked for are %q", missing)
	}
	v.keep(map[string]error{"hidden": &kafka.Denied{}}, now)
	v.see(info, now)
	if left := slices.Sorted(maps.Keys(v.topics)); !slices.Equal(left, []string{"hidden", "moves", "there"}) {
		t.Errorf("there are %q", left)
	}
}

func TestHowLongAMissingTopicCountsAsThere(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		missing time.Duration
		doubted time.Time
		there   bool
	}{
		"for a moment":                         {2 * time.Second, time.Time{}, true},
		"for long":                             {6 * time.Second, time.Time{}, false},
		"and a broker says so":                 {2 * time.Second, now.Add(-time.Second), false},
		"for a moment, and a broker says so":   {time.Second / 2, now, true},
		"and a broker has said so long before": {2 * time.Second, now.Add(-time.Minute), true},
	} {
		v := &view{linger: linger, topics: map[string]*seen{"t": {at: now.Add(-c.missing), doubted: c.doubted}}}
		v.see(&kafka.ClusterInfo{}, now)
		if there := v.topics["t"] != nil; there != c.there {
			t.Errorf("%s: it is there: %v", name, there)
		}
	}
}
