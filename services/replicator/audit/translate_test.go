package audit

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// live are the copies that the present source has, by offset in the source.
func live(source, target *memory) (copies []Twin) {
	for i := range source.records {
		r := &source.records[i]
		for j := range target.records {
			c := &target.records[j]
			p, ok := events.ProvenanceOf(c, there)
			if ok && p.Origin.Offset == r.Offset && compare.Hash(c, r.Offset) == compare.Hash(r, r.Offset) {
				copies = append(copies, Twin{r.Offset, c.Offset, p.Generation})
			}
		}
	}
	return copies
}

// Every offset of the source is translated as a look at all records would, and back.
func TestTranslate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, source, target := drawn(t)
		copies := live(source, target)
		for offset := source.start; offset <= source.end; offset++ {
			got, err := s.translate(t.Context(), offset)
			if err != nil {
				t.Fatal(err)
			}
			var before, after *Twin
			for i := range copies {
				switch c := copies[i]; {
				case c.Source < offset:
					before = &c
				case after == nil:
					after = &c
				}
			}
			if exact := after != nil && after.Source == offset; exact != got.Exact {
				t.Fatalf("%d is exact: %v; %+v of %+v", offset, exact, got, copies)
			} else if exact {
				if got.Target.Offset != after.Target || got.Target.Hash != got.Source.Hash || got.Source.Offset != offset {
					t.Fatalf("%d is %+v and %+v, want %+v", offset, got.Source, got.Target, after)
				}
				back, err := s.back(t.Context(), got.Target.Offset)
				if err != nil || !back.Exact || back.Source.Offset != offset || back.Generation != after.Generation {
					t.Fatalf("%d is %+v back, %v", got.Target.Offset, back, err)
				}
				continue
			}
			// Copies of what the source has lost may stand between.
			if after != nil && (got.After == nil || got.After.Target > after.Target) {
				t.Fatalf("%d comes before %+v, want %+v", offset, got.After, after)
			}
			if before != nil && (got.Before == nil || got.Before.Target < before.Target) {
				t.Fatalf("%d comes behind %+v, want %+v", offset, got.Before, before)
			}
		}
	})
}

// What is not a copy is told by the copies around it.
func TestBackBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _, target := drawn(t)
		offset := rapid.Int64Range(0, target.end).Draw(t, "offset")
		var before, after *Twin
		for i := range target.records {
			c := &target.records[i]
			p, ok := events.ProvenanceOf(c, there)
			if !ok {
				continue
			}
			twin := &Twin{p.Origin.Offset, c.Offset, p.Generation}
			switch {
			case c.Offset == offset:
				return
			case c.Offset < offset:
				before = twin
			case after == nil:
				after = twin
			}
		}
		got, err := s.back(t.Context(), offset)
		if err != nil || got.Exact || cmp.Diff([]*Twin{before, after}, []*Twin{got.Before, got.After}) != "" {
			t.Fatalf("%d is between %+v and %+v, %v; want %+v and %+v", offset, got.Before, got.After, err, before, after)
		}
	})
}

// A group skips no record that it has not read, and reads none again that it need not.
func TestPosition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, source, target := drawn(t)
		offset := rapid.Int64Range(source.start, source.end).Draw(t, "committed")
		got, err := s.position(t.Context(), offset)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range live(source, target) {
			if c.Source >= offset && c.Target < got.Target {
				t.Fatalf("%d is %+v: %+v is skipped", offset, got, c)
			}
		}
		for _, c := range live(source, target) {
			if c.Source < offset && c.Target >= got.Target {
				t.Fatalf("%d is %+v: %+v is read again", offset, got, c)
			}
		}
	})
}

// The records are proof: a copy of another record is none.
func TestNoProof(t *testing.T) {
	source, target := &memory{page: 9}, &memory{page: 9}
	source.put(record(0))
	other := record(0)
	other.Value = []byte("another")
	target.put(copyOf(other, 1))
	s := &sides{source: source, target: target, cfg: compare.Config{Source: here, Target: there}}
	got, err := s.translate(t.Context(), 0)
	if err != nil || got.Exact || got.Source == nil || got.Target == nil || got.Source.Hash == got.Target.Hash {
		t.Errorf("%+v, %v", got, err)
	}
}
