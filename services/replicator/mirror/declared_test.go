package mirror

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// declare changes what the link says of the records that are passed over.
func (w *world) declare() {
	w.declared = Declared{Relay: w.chance(2)}
	if w.chance(3) {
		return
	}
	w.declared.Routed = &Routing{Header: "to", Site: "fra", Unrouted: w.chance(2), Unknown: GoOn}
	if w.chance(3) {
		w.declared.Routed.Allowed = []string{"ams"}
	}
}

// at is what was declared at an offset of the source, as the newest node's copy says where that
// has changed.
func (w *world) at(offset int64) (d Declared, known bool) {
	if !w.changes {
		return w.declared, true
	}
	for _, one := range w.nodes[len(w.nodes)-1].copy.mark.Declared {
		if one.From <= offset {
			d, known = one, !one.Unknown
		}
	}
	if w.judged++; !known {
		w.hazy++
	}
	return d, known
}

// wanted says whether a record of the source belongs into the target, by rules of its own.
func (d *Declared) wanted(r *events.Record) (copied, buried bool) {
	if p, ok := events.ProvenanceOf(r, from); ok && (p.Cluster == into.Cluster || !d.Relay) {
		return false, false
	}
	if d.Routed != nil {
		to, _ := r.Header("to")
		switch {
		case len(to) == 0 && !d.Routed.Unrouted, len(to) > 0 && !strings.Contains(string(to), "fra"):
			return false, false
		case len(d.Routed.Allowed) > 0 && len(to) > 0:
			return false, false
		}
	}
	if v, ok := r.Header("large"); ok && len(v) >= 400 {
		return false, true
	}
	return true, false
}

// A declaration that was changed decides from where the copy goes on, and the checkpoint that
// says so is saved first.
func TestADeclarationIsChanged(t *testing.T) {
	p := records("a", "b")
	c := begun(t, Config{}, p)
	feed(t, c, p)
	must(c.Appended(0))
	mark, _ := c.Checkpoint()
	routed := &Routing{Header: "to", Site: "fra"}
	wider := New(Config{Source: from, Target: into, Routed: routed}, nil)
	wider.Known(&mark)
	must(wider.Claimed(2, 2, ""))
	feed(t, wider, p)
	save, ok := wider.Next().(Save)
	if !ok || len(save.Checkpoint.Declared) != 2 || save.Checkpoint.Declared[0] != (Declared{}) || save.Checkpoint.Declared[1] != (Declared{From: 2, Routed: routed}) {
		t.Fatalf("the step is %+v", wider.Next())
	}
	must(wider.Saved())
	if read, ok := wider.Next().(ReadSource); !ok || read.From != 2 || wider.State() != Delta {
		t.Errorf("it is %s, the step is %+v", wider.State(), wider.Next())
	}
}

// What was declared is bounded in number and bytes, the newest and the oldest offset stay.
func TestDeclarationsAreBounded(t *testing.T) {
	for size, want := range map[int]int{1: declarations + 1, declaredBytes / 4: 5, 2 * declaredBytes: 2} {
		c := &Copy{}
		for i := range 40 {
			c.cfg.Routed = &Routing{Header: "to", Allowed: []string{strings.Repeat("x", size), fmt.Sprint(i)}}
			if c.mark.Next = int64(10 * i); !c.declare() || c.declare() {
				t.Fatalf("%d: it is not told once that it has changed", i)
			}
		}
		all := c.mark.Declared
		if len(all) != want || !all[0].Unknown || all[0].From != 0 || all[len(all)-1].From != 390 || slices.ContainsFunc(all[1:], func(d Declared) bool { return d.Unknown }) {
			t.Errorf("names of %d bytes: %d declarations, want %d: %.99v", size, len(all), want, all)
		}
		c.mark.Next = 395
		if c.declare() {
			t.Error("the same one again is told as a change")
		}
		if c.mark.Next = 0; !c.declare() || len(c.mark.Declared) != 1 {
			t.Errorf("what was decided again: %.99v", c.mark.Declared)
		}
	}
}

// A checkpoint that was saved of a target which is gone does not take the place of the copy's
// own one, although it was claimed at a higher end.
func TestACheckpointOfAnotherTarget(t *testing.T) {
	for name, c := range map[string]struct {
		offered Checkpoint
		want    int64
	}{
		"of a topic that was deleted":  {Checkpoint{Generation: 1, Claim: 15, TargetID: "t1"}, 10},
		"of an end that was lost":      {Checkpoint{Generation: 1, Claim: 1000}, 10},
		"of a later claim":             {Checkpoint{Generation: 1, Claim: 15, TargetID: "t2"}, 15},
		"of an earlier claim":          {Checkpoint{Generation: 1, Claim: 5, TargetID: "t2"}, 10},
		"of a later claim, without ID": {Checkpoint{Generation: 1, Claim: 20}, 20},
	} {
		m := New(Config{Source: from, Target: into}, &Checkpoint{Generation: 1, Claim: 10, TargetID: "t2"})
		m.Known(&c.offered)
		if err := m.Claimed(0, 20, "t2"); err != nil || m.saved.Claim != c.want {
			t.Errorf("%s: the checkpoint of %d counts (%v), want %d", name, m.saved.Claim, err, c.want)
		}
	}
}
