package failover_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spanway/spanway/pkg/replication"
)

// Thrice to and fro: each record stands at each site once and in one order, and a consumer
// group that goes over with the writers reads each record once.
func TestToAndFro(t *testing.T) {
	ams, fra := places(t)
	ams.write(0, 20)
	fra.link()
	here, there, written := ams, fra, 20
	var read [partitions][]string
	take := func(most int) {
		for p, values := range here.read("shop", most) {
			read[p] = append(read[p], values...)
		}
	}
	for round := range 4 {
		take(7)
		r := run(t, there.from(here))
		if r.Number != int64(round+1) || r.Already || r.Unfinished || len(r.Partitions) != partitions || r.Back != "orders" || r.Source != here.name {
			t.Fatalf("round %d: %+v", round, r)
		}
		here, there = there, here
		here.write(written, 10)
		written += 10
		there.holds(written)
		here.holds(written)
		here.paused(true)
		there.paused(false)
		there.reported()
	}
	take(written)
	for p := range read {
		for i, v := range read[p] {
			if v != fmt.Sprint(i) {
				t.Fatalf("the group has read %q of partition %d", read[p], p)
			}
		}
		if len(read[p]) != written {
			t.Errorf("the group has read %d of %d", len(read[p]), written)
		}
	}
}

// paused fails if the link of the place is not as wanted.
func (p *place) paused(want bool) {
	p.t.Helper()
	s, err := p.links.State(p.t.Context(), true)
	if err != nil {
		p.t.Fatal(err)
	}
	i := slices.IndexFunc(s.Links, func(l replication.Link) bool { return l.Name == "orders" })
	if i < 0 || s.Links[i].Paused != want || s.Links[i].FailedOver != want {
		p.t.Errorf("at %s are %+v; paused should be %v", p.name, s.Links, want)
	}
}
