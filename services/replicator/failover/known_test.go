package failover_test

import (
	"math"
	"slices"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// said writes reports as replicators have left them, at times in their order.
func (p *place) said(reports ...*events.ReplicationCopyReported) {
	p.t.Helper()
	var records []events.Record
	for i, m := range reports {
		if m.State == "" {
			m.State, m.AtMs = "delta", int64(i+1)
		}
		r, err := events.Encoder{Source: "/test"}.Encode(m.Link+m.TargetTopic, m)
		if err != nil {
			p.t.Fatal(err)
		}
		r.Key, r.Timestamp = []byte(m.Link+"/"+m.TargetTopic+"/0"), 1
		records = append(records, r)
	}
	if _, err := p.cluster.Partition("spanway.replication.status", 0).Append(p.t.Context(), records); err != nil {
		p.t.Fatal(err)
	}
}

// Reports that nobody has deleted take no topic along: of what the link does not choose, of
// other targets, and of what is another link's now.
func TestReportsThatAreLeft(t *testing.T) {
	ams, fra := places(t)
	ams.write(0, 5)
	for _, spec := range []replication.Spec{
		{Name: "orders", Source: "ams", Include: []string{"orders|stock|secret"}, Exclude: []string{"secret"}, Applications: []string{"shop"}},
		{Name: "others", Source: "ams", Include: []string{"stock"}},
	} {
		if _, err := fra.links.Apply(t.Context(), spec, replication.Any); err != nil {
			t.Fatal(err)
		}
	}
	fra.reported()
	copied := func(link, topic, target string) *events.ReplicationCopyReported {
		return &events.ReplicationCopyReported{Link: link, Topic: topic, TargetTopic: target}
	}
	fra.said(
		copied("orders", "payments", "payments"), copied("orders", "secret", "secret"), copied("orders", "orders", "x.orders"),
		copied("orders", "stock", "stock"), copied("others", "stock", "stock"), copied("deleted", "orders", "orders"),
		// The link "others" has told later than "orders" that it does not write there any more.
		&events.ReplicationCopyReported{Link: "others", Topic: "orders", TargetTopic: "orders", State: "source_deleted", AtMs: math.MaxInt64},
	)
	r := run(t, fra.from(ams))
	for _, p := range r.Partitions {
		if p.Topic != "orders" || p.Target != "orders" {
			t.Errorf("%s is taken along", p.Topic)
		}
	}
	s, err := ams.links.State(t.Context(), true)
	if err != nil || len(r.Partitions) != partitions || len(s.Links) != 1 || !slices.Equal(s.Links[0].Include, []string{"orders|stock|secret"}) {
		t.Fatalf("%d partitions; at ams are %+v, %v", len(r.Partitions), s.Links, err)
	}
}

// What applications announce, and what groups name, is taken along; they know the site by its
// own name, whatever the other site calls it.
func TestWhatIsChosenByOthers(t *testing.T) {
	ams, fra := places(t)
	err := replication.Announce(t.Context(), ams.cluster, replication.Options{}, replication.Application{Name: "shop", Topics: []string{"orders"}, Sites: []string{"fra"}})
	if err == nil {
		err = fra.links.ApplyGroup(t.Context(), replication.Group{Name: "all", Topics: []string{"orders"}, Sites: []string{"fra"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, spec := range map[string]replication.Spec{
		"an application": {Applications: []string{"shop"}},
		"a group":        {Model: "group", Groups: []string{"all"}},
	} {
		spec.Name, spec.Source = "orders", "ams"
		if _, err := fra.links.Apply(t.Context(), spec, replication.Any); err != nil {
			t.Fatal(err)
		}
		fra.reported()
		c := fra.from(ams)
		c.Here.Name, c.Site, c.DryRun = "frankfurt", "fra", true
		if r := run(t, c); len(r.Partitions) != partitions {
			t.Errorf("%s: %+v", name, r.Partitions)
		}
	}
}
