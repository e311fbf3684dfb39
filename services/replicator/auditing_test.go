package replicator

import (
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

// A record that something else has written into a copy, behind the newest copied record, is
// found by the audit and told at its link, until an operator resumes it. True copies are
// not told.
func TestTheAuditGoesOn(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	s, _ := fra.serve("one")
	ams.create("orders", 1)
	ams.create("good", 1)
	ams.write("orders", 0, 0, 100)
	ams.write("good", 0, 0, 100)
	spec := links.Spec{Name: "in", Source: "ams", Include: []string{"orders", "good"}}
	fra.links.link(spec)
	fra.has("orders", 0, values("ams", 100))
	fra.has("good", 0, values("ams", 100))
	until(t, s, "in/orders/0", "it is a delta that is audited", func(st *standing) bool {
		return st.report.State == mirror.Delta && st.audited > 0 && st.unaudited == 0
	})
	fra.write("orders", 0, 0, 1)
	problem := func(m *events.ReplicationLinkReported) (texts []string) {
		for _, p := range m.Problems {
			if p.Code == string(selection.CopyDiffers) {
				texts = append(texts, p.Text)
			}
		}
		return texts
	}
	shares(t, s, "in", "the audit's finding is told", func(m *events.ReplicationLinkReported) bool {
		texts := problem(m)
		return len(texts) == 1 && strings.Contains(texts[0], "1 foreign") && strings.Contains(texts[0], "of orders different")
	})
	until(t, s, "in/good/0", "the other is audited", func(st *standing) bool { return st.audited > 0 && st.differs == 0 })
	fra.links.link(spec, func(l *links.Link) {
		l.Resumed = []links.Resumption{{Partition: -1, Revision: 9, Tolerate: 1 << 40}}
	})
	shares(t, s, "in", "the finding is taken away", func(m *events.ReplicationLinkReported) bool { return len(problem(m)) == 0 })
	ams.write("orders", 0, 100, 10)
	fra.has("orders", 0, values("ams", 110))
}

// An audit is no faster than it may be.
func TestTheAuditIsSlow(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	fra.audit = 100
	s, _ := fra.serve("one")
	ams.create("orders", 1)
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	began := time.Now()
	for i := range 3 {
		ams.write("orders", 0, 50*i, 50)
		fra.has("orders", 0, values("ams", 50*(i+1)))
		until(t, s, "in/orders/0", "it is audited", func(st *standing) bool { return st.audited >= int64(50*(i+1)) })
	}
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("300 records of both sides were compared within %v, at 100 a second", took)
	}
}

// A checkpoint that was saved of a target which is gone, or behind an end that was lost, does not
// tell the audit what was declared: an earlier claim of the target that is there does.
func TestWhichCheckpointTheAuditGoesBy(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	s, stop := fra.serve("one")
	ams.create("orders", 1)
	ams.write("orders", 0, 0, 10)
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	fra.has("orders", 0, values("ams", 10))
	until(t, s, "in/orders/0", "all is copied", func(st *standing) bool { return st.report.State == mirror.Delta && st.report.Next == 10 })
	of := look(s, "in/orders/0").job
	stop()
	own, err := s.keep.Saved(t.Context(), of.ID)
	if err != nil || own == nil || own.TargetID == "" {
		t.Fatalf("its checkpoint is %+v, %v", own, err)
	}
	another, behind := *own, *own
	another.Claim, another.TargetID = own.Claim+1, "another"
	behind.Claim = own.Claim + 1000
	for _, c := range []mirror.Checkpoint{another, behind} {
		if err := s.keep.Save(t.Context(), of.ID, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.keep.Save(t.Context(), of.ID, *own); err != nil { // Those that count more have deleted it.
		t.Fatal(err)
	}
	got, err := (&auditor{of: s}).saved(t.Context(), of.ID, of.Config.Target)
	if err != nil || got == nil || got.Claim != own.Claim || got.TargetID != own.TargetID {
		t.Errorf("it goes by %+v, %v; want by %+v", got, err, own)
	}
	if best, err := s.keep.Saved(t.Context(), of.ID); err != nil || best == nil || best.Claim != behind.Claim {
		t.Errorf("that which counts most is %+v, %v", best, err)
	}
}
