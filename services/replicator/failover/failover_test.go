package failover_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/audit"
	"github.com/spanway/spanway/services/replicator/failover"
	"github.com/spanway/spanway/services/replicator/sitetest"
)

// Thrice to and fro, each time interrupted at each step and after each change, and made
// again: each record stands at each site once and in one order, and a consumer group that
// goes over with the writers reads each record once.
func TestToAndFro(t *testing.T) {
	ams, fra := places(t)
	toAndFro(t, ams, fra)
}

// It is so on two Apache Kafka, too.
func TestApacheToAndFro(t *testing.T) {
	ams, fra := on(t, sitetest.Apache(t, nil), sitetest.Apache(t, nil))
	toAndFro(t, ams, fra)
}

func toAndFro(t *testing.T, ams, fra *place) {
	t.Helper()
	ams.write(0, 20)
	fra.link()
	here, there, written, number := ams, fra, 20, int64(0)
	var read [partitions][]string
	take := func(most int) {
		for p, values := range here.read("shop", most) {
			read[p] = append(read[p], values...)
		}
	}
	for round := range 3 {
		take(7)
		interrupted(t, there, here)
		r := run(t, there.from(here))
		if r.Number <= number || !r.Already || r.Unfinished || len(r.Partitions) != partitions || r.Back != "orders" || r.Source != here.name {
			t.Fatalf("round %d: %+v", round, r)
		}
		number = r.Number
		certain(t, "made before", &r, failover.Exact)
		here, there = there, here
		here.write(written, 10)
		written += 10
		there.holds(written)
		here.holds(written)
		here.paused(true)
		there.paused(false)
		here.retains()
		there.retains()
		there.reported()
	}
	there.equals(here)
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

// equals fails unless an audit of all records of both sites finds them equal.
func (p *place) equals(source *place) {
	p.t.Helper()
	state, err := p.links.State(p.t.Context(), true)
	if err != nil {
		p.t.Fatal(err)
	}
	l, _ := state.Link("orders")
	c := p.from(source).Audit(&l, "orders", "orders")
	c.Source, c.Target, c.Whole = source.cluster, p.cluster, true
	pair, err := audit.Open(p.t.Context(), c)
	if err != nil {
		p.t.Fatal(err)
	}
	for partition := range int32(partitions) {
		found, err := pair.Partition(p.t.Context(), partition)
		if err != nil || !found.Equal() {
			p.t.Errorf("orders/%d at %s is no true copy of that at %s: %+v, %v", partition, p.name, source.name, found, err)
		}
	}
}

// interrupted fails a link over by calls of which each ends as a step begins, or after one
// change, until one makes none.
func interrupted(t *testing.T, at, from *place) {
	t.Helper()
	for _, step := range []failover.Step{failover.Freeze, failover.Drain, failover.Audit, failover.Groups} {
		ctx, stop := context.WithCancel(t.Context())
		c := at.from(from)
		c.Tell = func(s failover.Step, _ string) {
			if s == step {
				stop()
			}
		}
		if _, err := failover.Run(ctx, c); !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted as %s begins: %v", step, err)
		}
		stop()
		at.paused(false)
	}
	for calls := 0; ; calls++ {
		c := at.from(from)
		source := c.Source
		c.Here.Links = &cut{c.Here.Links}
		c.Source = func(ctx context.Context, l *replication.Link) (failover.Site, error) {
			s, err := source(ctx, l)
			s.Links = &cut{s.Links}
			return s, err
		}
		_, err := failover.Run(t.Context(), c)
		switch {
		case err == nil && calls < partitions+1:
			t.Fatalf("it is done after %d changes", calls)
		case err == nil:
			return
		case !errors.Is(err, errCut) || calls > 20:
			t.Fatal(err)
		}
	}
}

var errCut = errors.New("the answer is lost")

// cut are links of which the answer to each change is lost.
type cut struct{ failover.Links }

func (c *cut) Apply(ctx context.Context, s replication.Spec, expect int64) (replication.Link, error) {
	l, err := c.Links.Apply(ctx, s, expect)
	return l, errors.Join(err, errCut)
}

func (c *cut) FailOver(ctx context.Context, link string, f replication.FailOver) error {
	return errors.Join(c.Links.FailOver(ctx, link, f), errCut)
}

func (c *cut) Resume(ctx context.Context, link string, r replication.Resume) error {
	return errors.Join(c.Links.Resume(ctx, link, r), errCut)
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

// withoutBack fails if the link of the place does not say whether there is a link back.
func (p *place) withoutBack(want bool) {
	p.t.Helper()
	s, err := p.links.State(p.t.Context(), true)
	if l, _ := s.Link("orders"); err != nil || l.NoLinkBack != want {
		p.t.Errorf("at %s is %+v, %v; that it has no link back should be %v", p.name, l, err, want)
	}
}

// retains fails if the topic has not the retention that it was created with at ams, or has
// another size of batches than one link has given it.
func (p *place) retains() {
	p.t.Helper()
	settings, err := p.cluster.Kafka().Settings(p.t.Context(), []string{"orders"})
	if err != nil {
		p.t.Fatal(err)
	}
	if of := settings["orders"]; of["retention.ms"] != retention || len(of["max.message.bytes"]) > len("1050636") || of["max.message.bytes"] > "1050636" {
		p.t.Errorf("orders at %s keeps records for %s ms, and takes %s bytes", p.name, of["retention.ms"], of["max.message.bytes"])
	}
}
