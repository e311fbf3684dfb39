package replicator

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// A link that was failed over has no lag that matters, in reports and metrics: its source is
// not copied from any more. One that an operator has paused has.
func TestALinkThatWasFailedOverHasNoLag(t *testing.T) {
	st := &standing{}
	st.Link, st.Paused = "in", true
	st.report.Generation, st.report.Next, st.report.Paused = 1, 10, true
	st.end, st.endSeen = 477, time.Now()
	link := links.Link{Spec: links.Spec{Name: "in"}, Paused: true}
	told := func(failedOver bool) *events.ReplicationLinkReported {
		link.FailedOver = failedOver
		s := &status{name: "one", shares: map[string]*share{}, copies: map[string]*standing{"a": st}, linked: []links.Link{link}}
		if over := s.failedOver()["in"]; over != failedOver {
			t.Errorf("its metrics count it as failed over: %v", over)
		}
		return s.shareOf(&link, time.Now())
	}
	if m := told(false); m.Lag != 467 {
		t.Errorf("paused by an operator: %v", m)
	}
	if m := told(true); m.Lag != 0 || m.LagMs != 0 || m.LagUnknown != 0 || m.State != "paused" {
		t.Errorf("failed over: %v", m)
	}
}

// What a stopped copy lost does not wait any more, and the source may go on to delete.
func TestTheLagOfACopyThatWasOvertaken(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 1)
	ams.write("orders", 0, 0, 5)
	s, _ := fra.serve("one")
	spec := links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}}
	fra.links.link(spec)
	fra.has("orders", 0, values("ams", 5))
	fra.links.link(spec, func(l *links.Link) { l.Paused = true })
	until(t, s, "in/orders/0", "it is paused", func(st *standing) bool { return st.report.Paused })
	ams.write("orders", 0, 5, 20)
	lose := func(below int64) {
		t.Helper()
		if err := ams.cluster.Kafka().DeleteRecords(t.Context(), "orders", 0, below); err != nil {
			t.Fatal(err)
		}
	}
	lose(15)
	fra.links.link(spec)
	table := fra.table(events.Topics{Prefix: events.DefaultPrefix}.ReplicationStatus())
	lags := func(what string, lag, start int64) {
		t.Helper()
		shares(t, s, "in", what, func(m *events.ReplicationLinkReported) bool {
			return m.State == "stopped" && m.Reason == "overtaken" && m.Lag == lag && m.LagMs > 0
		})
		eventually(t, what+", as told", func() bool {
			m, _ := table()["in/orders/0"].(*events.ReplicationCopyReported)
			return m.GetNext() == 5 && m.GetSourceStart() == start && m.GetSourceEnd() == 25
		})
	}
	lags("what is left waits", 10, 15)
	lose(20)
	lags("more was deleted", 5, 20)
}

// While the source is away nobody knows what waits but that it is at least what was known last:
// also in metrics, where a link of which nothing else is known has no lag.
func TestTheLagOfALinkWhoseSourceIsAway(t *testing.T) {
	tel, err := telemetry.Start("test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tel.Stop(context.Background()) }()
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	fra.meter = otel.Meter("test")
	s, _ := fra.serve("one")
	for topic, paused := range map[string]bool{"orders": false, "stock": true} {
		ams.create(topic, 2)
		ams.write(topic, 0, 0, 5)
		spec := links.Spec{Name: topic, Source: "ams", Include: []string{topic}}
		fra.links.link(spec)
		fra.has(topic, 0, values("ams", 5))
		until(t, s, topic+"/"+topic+"/0", "it has all", func(st *standing) bool { return st.report.Next == 5 })
		fra.links.link(spec, func(l *links.Link) { l.Paused = paused })
		if paused {
			until(t, s, topic+"/"+topic+"/0", "it is paused", func(st *standing) bool { return st.report.Paused })
			ams.write(topic, 0, 5, 3)
		}
	}
	lag := func(what string, unknown int32, told bool) {
		t.Helper()
		for link, n := range map[string]int64{"orders": 0, "stock": 3} {
			shares(t, s, link, what, func(m *events.ReplicationLinkReported) bool {
				return m.Copies == 2 && m.Lag == n && m.LagUnknown == unknown
			})
			eventually(t, what+" in metrics of "+link, func() bool {
				got, there := scraped(t, tel, `link="`+link+`"`)["spanway_replicator_lag"]
				return got == float64(n) && there == (told || n > 0)
			})
		}
	}
	lag("all is known", 0, true)
	ams.restart(func() { lag("the source is away", 2, false) })
	lag("it answers again", 0, true)
}
