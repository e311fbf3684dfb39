package replicator

import (
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// pausedAt has a link copy 5 records of a topic, pauses it, and lets 20 more come to the source.
func pausedAt(t *testing.T) (ams, fra *place, s *Service, stop func(), spec links.Spec) {
	t.Helper()
	all := places(t, "ams", "fra")
	ams, fra = all["ams"], all["fra"]
	ams.create("orders", 1)
	ams.write("orders", 0, 0, 5)
	s, stop = fra.serve("one")
	spec = links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}}
	fra.links.link(spec)
	fra.has("orders", 0, values("ams", 5))
	until(t, s, "in/orders/0", "it has all", func(st *standing) bool { return st.report.Next == 5 })
	fra.links.link(spec, func(l *links.Link) { l.Paused = true })
	until(t, s, "in/orders/0", "it is paused", func(st *standing) bool { return st.report.Paused })
	ams.write("orders", 0, 5, 20)
	shares(t, s, "in", "what waits is seen", func(m *events.ReplicationLinkReported) bool { return m.Lag == 20 })
	return ams, fra, s, stop, spec
}

// blames waits until a link has one problem, with a code and a text.
func blames(t *testing.T, s *Service, code, text string, lag int64, unknown int32) {
	t.Helper()
	shares(t, s, "in", "it has the problem "+code, func(m *events.ReplicationLinkReported) bool {
		return m.State == "paused" && len(m.Problems) == 1 && m.Problems[0].Code == code && strings.Contains(m.Problems[0].Text, text) &&
			m.Lag == lag && m.LagUnknown == unknown
	})
}

// A paused link tells that its source was created again, and what was lost of the one before:
// while it is paused, after a restart of its replicator, and when it is resumed.
func TestASourceThatIsCreatedAgainWhileItsLinkIsPaused(t *testing.T) {
	ams, fra, s, stop, spec := pausedAt(t)
	if err := ams.cluster.Kafka().DeleteTopics(t.Context(), []string{"orders"}); err != nil {
		t.Fatal(err)
	}
	ams.create("orders", 1)
	ams.write("orders", 0, 100, 30)
	lost := "offsets 5 to 24, 20 of them"
	blames(t, s, "source_changed", lost, 0, 1)
	table := fra.table(events.Topics{Prefix: events.DefaultPrefix}.ReplicationStatus())
	eventually(t, "it is told", func() bool {
		m, _ := table()["in/orders/0"].(*events.ReplicationCopyReported)
		return m.GetState() == "paused" && m.GetReason() == "source_changed" && m.GetNext() == 5 && m.GetSourceEnd() == 25 && m.GetLagUnknown() && m.GetSourceId() != ""
	})
	if n := blocked(s.status.lost())[[2]string{"in", "source_changed"}]; n != 1 {
		t.Errorf("its metrics count %d topics", n)
	}
	stop()
	s, _ = fra.serve("two")
	blames(t, s, "source_changed", lost, 0, 1)
	fra.links.link(spec)
	until(t, s, "in/orders/0", "it has stopped, and tells what is lost", func(st *standing) bool {
		n := len(st.incidents)
		return st.report.State == mirror.Stopped && n == 1 && st.incidents[0].Reason == "source_changed" && st.incidents[0].Lost == 20 && !st.incidents[0].LostUnknown && st.lagUnknown()
	})
	spec.On.Recreated = links.GoOn
	fra.links.link(spec)
	fra.has("orders", 0, append(values("ams", 5), values("ams", 130)[100:]...))
	until(t, s, "in/orders/0", "it goes on with the other topic", func(st *standing) bool { return !st.topic.gone && !st.lagUnknown() && st.behind() == 0 })
}

// So does one whose source is deleted, and created again later.
func TestASourceThatWasDeletedAndIsCreatedAgain(t *testing.T) {
	ams, fra, s, _, spec := pausedAt(t)
	if err := ams.cluster.Kafka().DeleteTopics(t.Context(), []string{"orders"}); err != nil {
		t.Fatal(err)
	}
	table := fra.table(events.Topics{Prefix: events.DefaultPrefix}.ReplicationStatus())
	eventually(t, "it is told as deleted", func() bool {
		m, _ := table()["in/orders/0"].(*events.ReplicationCopyReported)
		return m.GetState() == sourceDeleted && m.GetSourceEnd() == 25
	})
	ams.create("orders", 1)
	ams.write("orders", 0, 100, 1)
	blames(t, s, "source_changed", "offsets 5 to 24, 20 of them", 0, 1)
	fra.links.link(spec)
	until(t, s, "in/orders/0", "it tells what is lost", func(st *standing) bool {
		return st.report.State == mirror.Stopped && len(st.incidents) == 1 && st.incidents[0].Lost == 20
	})
}

// A paused link tells that retention of its source comes near, and what it has taken.
func TestRetentionWhileALinkIsPaused(t *testing.T) {
	ams, fra, s, stop, _ := pausedAt(t)
	lose := func(below int64) {
		t.Helper()
		if err := ams.cluster.Kafka().DeleteRecords(t.Context(), "orders", 0, below); err != nil {
			t.Fatal(err)
		}
	}
	lose(3)
	blames(t, s, "near_retention", "the next one, 5, stands in the older half of what the source still has, 3 to 25", 20, 0)
	lose(15)
	blames(t, s, "overtaken", "offsets 5 to 14, 10 of them, are lost", 10, 0)
	stop()
	s, _ = fra.serve("two")
	blames(t, s, "overtaken", "offsets 5 to 14, 10 of them, are lost", 10, 0)
	lose(20)
	blames(t, s, "overtaken", "offsets 5 to 19, 15 of them, are lost", 5, 0)
	if n := blocked(s.status.lost())[[2]string{"in", "overtaken"}]; n != 1 {
		t.Errorf("its metrics count %d topics", n)
	}
}

// Where it is not known how much was lost, that is told.
func TestWhatIsKnownOfATopicThatIsGone(t *testing.T) {
	paused := func(of topic) *standing {
		return &standing{report: copying.Report{Paused: true, Generation: 1, Next: 5}, topic: of}
	}
	told := &events.ReplicationCopyReported{SourceId: "a", SourceEnd: 25, Next: 5}
	var inherited, foreign topic
	inherited.inherit(told)
	foreign.inherit(told)
	foreign.saved(&mirror.Checkpoint{SourceID: "z"}) // What was told was of another copy.
	for _, of := range []*topic{&inherited, &foreign} {
		of.seen("b", 40)
	}
	for want, of := range map[string]topic{"offsets 5 to 24, 20 of them": inherited, "is not known": foreign} {
		st := paused(of)
		p := st.losing()
		if p == nil || p.Code != "source_changed" || !strings.Contains(p.Text, want) {
			t.Errorf("%+v tells %v, want %q", of, p, want)
		}
		if m := st.message("one", time.Now()); (m.SourceId == "") != (want == "is not known") || !m.LagUnknown {
			t.Errorf("%+v is told as %v", of, m)
		}
	}
}
