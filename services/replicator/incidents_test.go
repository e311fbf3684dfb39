package replicator

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// What a copy has lost is told of after a restart, too, by whichever replicator has it, and
// counted once.
func TestIncidentsOutliveTheirReplicator(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 1)
	ams.write("orders", 0, 0, 30)
	_, stop := fra.serve("one")
	spec := links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}, On: links.Policies{Overtaken: links.GoOn}}
	fra.links.link(spec)
	fra.has("orders", 0, values("ams", 30))
	table := fra.table(events.Topics{Prefix: events.DefaultPrefix}.ReplicationStatus())
	told := func(what, replicator, state string) (m *events.ReplicationCopyReported) {
		t.Helper()
		eventually(t, what, func() bool {
			m, _ = table()["in/orders/0"].(*events.ReplicationCopyReported)
			return m.GetReplicator() == replicator && m.GetState() == state && m.GetIncidentsTotal() > 0
		})
		return m
	}
	pause := func(l *links.Link) { l.Paused = true }
	fra.links.link(spec, pause)
	eventually(t, "it is paused", func() bool {
		m, _ := table()["in/orders/0"].(*events.ReplicationCopyReported)
		return m.GetState() == "paused"
	})
	ams.write("orders", 0, 30, 30)
	if err := ams.cluster.Kafka().DeleteRecords(t.Context(), "orders", 0, 45); err != nil {
		t.Fatal(err)
	}
	fra.links.link(spec)
	first := told("it is told what was lost", "one", "delta")
	if len(first.Incidents) != 1 || first.Incidents[0].Lost != 15 || first.Incidents[0].Reason != "overtaken" || first.IncidentsTotal != 1 {
		t.Fatalf("%v", first)
	}
	stop()
	same := func(m *events.ReplicationCopyReported) {
		t.Helper()
		if len(m.Incidents) != 1 || m.Incidents[0].AtMs != first.Incidents[0].AtMs || m.Incidents[0].Lost != 15 || m.IncidentsTotal != 1 {
			t.Errorf("%v; before it was %v", m, first)
		}
	}
	_, stop = fra.serve("two")
	same(told("another one tells of it", "two", "delta"))
	stop()
	fra.links.link(spec, pause)
	fra.serve("three")
	same(told("so does one whose link is paused", "three", "paused"))
}

// A replicator that ends may tell of an incident after the next one has begun. What a copy has
// told itself it does not count again.
func TestIncidentsThatAreHeardOfLater(t *testing.T) {
	incident := func(offset, at int64) *events.ReplicationIncident {
		return &events.ReplicationIncident{Reason: "overtaken", Offset: offset, AtMs: at}
	}
	st := &standing{incidents: []*events.ReplicationIncident{incident(9, 900)}, happened: 1}
	s := &status{copies: map[string]*standing{"a": st}}
	hear := func(total int64, all ...*events.ReplicationIncident) {
		s.hear(slices.Values([]*events.ReplicationCopyReported{{Partition: 0, Incidents: all, IncidentsTotal: total}}))
	}
	hear(1, incident(9, 900))
	if st.news || st.happened != 1 {
		t.Errorf("its own report is news: %v", st.incidents)
	}
	hear(4, incident(3, 300))
	if !st.news || st.happened != 4 || len(st.incidents) != 2 || st.incidents[0].Offset != 3 {
		t.Errorf("%d incidents, %v", st.happened, st.incidents)
	}
	many := map[int64]*events.ReplicationIncident{}
	for i := range int64(2 * mostIncidents) {
		many[i] = incident(i, 1000+i)
	}
	hear(20, slices.Collect(maps.Values(many))...)
	if len(st.incidents) != mostIncidents || st.incidents[0].AtMs != 1000+mostIncidents || st.happened != 20 {
		t.Errorf("%d incidents, %v", st.happened, st.incidents)
	}
	if told := st.message("one", time.UnixMilli(2000)); told.IncidentsTotal != 20 || len(told.Incidents) != mostIncidents {
		t.Errorf("%v", told)
	}
}
