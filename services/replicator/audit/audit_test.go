package audit

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// Generations are found as a look at all records finds them, and what the source has lost
// is not compared.
func TestGenerations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, source, target := drawn(t)
		r, err := s.audit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(len(live(source, target))); r.Same != want || r.Shrunk || r.Wrong.Total() != r.Wrong[compare.Missing] || r.Same+r.Wrong[compare.Missing]+r.Behind != int64(len(source.records)) {
			t.Fatalf("%+v; %d are the same", r, want)
		}
		newest := uint32(0)
		for i := range target.records {
			if p, ok := events.ProvenanceOf(&target.records[i], there); ok {
				newest = p.Generation
			}
		}
		if r.Generation != newest {
			t.Fatalf("generation %d, want %d", r.Generation, newest)
		}
	})
}

func lines(n int64) (*sides, *memory, *memory) {
	source, target := &memory{page: 3}, &memory{page: 3}
	for i := range n {
		source.put(record(i))
		target.put(copyOf(record(i), 1))
	}
	return &sides{source: source, target: target, cfg: compare.Config{Source: here, Target: there, Whole: true}}, source, target
}

// An audit begins anew where retention was faster.
func TestRetentionWhileItIsRead(t *testing.T) {
	s, source, _ := lines(20)
	reads := 0
	source.shrink = func(m *memory) {
		if reads++; reads == 3 {
			m.start = 15
		}
	}
	if r, err := s.audit(t.Context()); err != nil || !r.Equal() || r.Same != 5 || r.Gone != 15 {
		t.Errorf("%+v, %v", r, err)
	}
	source.shrink = func(m *memory) { m.start, m.end = m.end+5, m.end+10 }
	if r, err := s.audit(t.Context()); !errors.Is(err, errMoved) {
		t.Errorf("%+v, %v", r, err)
	}
}

// A source that has lost its end is found though nothing was copied since.
func TestShrunk(t *testing.T) {
	s, source, _ := lines(20)
	source.records, source.end = source.records[:12], 12
	if r, err := s.audit(t.Context()); err != nil || r.Equal() || !r.Shrunk || r.Same != 12 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestKeysAreCompared(t *testing.T) {
	s, source, target := lines(20)
	s.cfg.Compacted = true
	source.records = source.records[10:]
	var seen int64
	s.progress = func(read, all int64) { seen = all - read }
	r, err := s.audit(t.Context())
	if err != nil || r.Keys == nil || r.Keys.Wrong[compare.Stale] != 10 || r.Keys.Same != 10 || r.Equal() || seen != 0 {
		t.Errorf("%+v, %+v, %v", r, r.Keys, err)
	}
	target.records = target.records[10:]
	if r, err := s.audit(t.Context()); err != nil || !r.Equal() {
		t.Errorf("%+v, %+v, %v", r, r.Keys, err)
	}
}

// A broker that gives nothing where something must be does not hang the audit.
func TestNothingToRead(t *testing.T) {
	s, source, _ := lines(2)
	source.page = 0
	source.records = nil
	source.shrink = func(m *memory) { m.end = 0 }
	if _, err := s.audit(t.Context()); err == nil {
		t.Error("no error")
	}
}
