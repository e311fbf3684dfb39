package audit

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// A copy of what the source has lost is passed over, where the record was copied again
// under a higher generation.
func TestSupersededCopies(t *testing.T) {
	source, target := &memory{page: 2}, &memory{page: 2}
	for i := range int64(8) {
		if source.put(record(i)); i != 4 {
			target.put(copyOf(record(i), 1))
		}
	}
	for i := range int64(3) { // The source has lost all from 5 on.
		source.records[5+i].Value = []byte("new")
		target.put(copyOf(source.records[5+i], 2))
	}
	s := &sides{source: source, target: target, cfg: compare.Config{Source: here, Target: there}}
	got, err := s.translate(t.Context(), 4)
	if err != nil || got.Exact || cmp.Diff(got.Before, &Twin{3, 3, 1}) != "" || cmp.Diff(got.After, &Twin{5, 7, 2}) != "" {
		t.Errorf("%+v and %+v, %v", got.Before, got.After, err)
	}
	if p, err := s.position(t.Context(), 4); err != nil || p.Target != 7 {
		t.Errorf("%+v, %v", p, err)
	}
}
