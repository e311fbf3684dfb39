package compare_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// compacted keeps some of what compaction may delete: records that have a newer one of
// their key, and tombstones.
func compacted(t *rapid.T, all []events.Record, tombstones bool) (kept []events.Record) {
	newest := map[string]int64{}
	for _, r := range all {
		newest[string(r.Key)] = r.Offset
	}
	for _, r := range all {
		old := newest[string(r.Key)] != r.Offset
		if (old || tombstones && r.Value == nil) && rapid.Bool().Draw(t, "compacted") {
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

func drawKeys(t *rapid.T) *world {
	w := &world{cfg: compare.Config{Source: here, Target: there, Compacted: true}}
	n := rapid.Int64Range(1, 40).Draw(t, "records")
	for i := range n {
		r := record(i)
		r.Key, r.Value = []byte{rapid.ByteRange('a', 'f').Draw(t, "key")}, rapid.SampledFrom([][]byte{nil, {}, []byte("x")}).Draw(t, "value")
		w.source = append(w.source, r)
		w.target = append(w.target, copyOf(r, 1, i))
	}
	w.cfg.SourceRange.End, w.cfg.TargetRange.End = n, n
	return w
}

// Compaction of either side is no difference.
func TestCompaction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawKeys(t)
		// A tombstone goes where nothing older stands.
		w.source, w.target = compacted(t, w.source, false), compacted(t, w.target, false)
		if got := w.keys(); !got.Equal() {
			t.Fatalf("keys: %+v", got)
		}
		if got, _ := w.audit(4); !got.Equal() {
			t.Fatalf("stream: %+v", got)
		}
	})
}

func TestKeys(t *testing.T) {
	value := func(offset int64, key, value string) events.Record {
		r := record(offset)
		r.Key, r.Value = []byte(key), []byte(value)
		if value == "" {
			r.Value = nil
		}
		return r
	}
	a, b, c, gone := value(0, "a", "1"), value(1, "b", "1"), value(2, "a", "2"), value(3, "b", "")
	for name, x := range map[string]struct {
		source, target []events.Record
		end            int64
		want           compare.Wrong
		same, behind   int64
	}{
		"equal":                   {[]events.Record{b, c}, []events.Record{a, b, c}, 4, compare.Wrong{}, 2, 0},
		"tombstone gone there":    {[]events.Record{c, gone}, []events.Record{c}, 4, compare.Wrong{}, 1, 1},
		"tombstone gone here":     {[]events.Record{c}, []events.Record{b, c, gone}, 4, compare.Wrong{}, 1, 0},
		"stale":                   {[]events.Record{c}, []events.Record{b, c}, 4, compare.Wrong{compare.Stale: 1}, 1, 0},
		"older value":             {[]events.Record{b, c}, []events.Record{a, b, value(9, "z", "1")}, 10, compare.Wrong{compare.Missing: 1, compare.Stale: 1}, 1, 0},
		"missing":                 {[]events.Record{b, c}, []events.Record{c}, 4, compare.Wrong{compare.Missing: 1}, 1, 0},
		"not copied yet":          {[]events.Record{b, c}, []events.Record{b}, 4, compare.Wrong{}, 1, 1},
		"newer behind the end":    {[]events.Record{b, c, value(7, "a", "3")}, []events.Record{b}, 4, compare.Wrong{}, 1, 0},
		"differs":                 {[]events.Record{value(2, "a", "9")}, []events.Record{c}, 4, compare.Wrong{compare.Differs: 1}, 0, 0},
		"newer than the source's": {[]events.Record{a}, []events.Record{c}, 4, compare.Wrong{compare.Extra: 1}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{source: x.source, cfg: compare.Config{Source: here, Target: there, Compacted: true, SourceRange: compare.Range{End: x.end}}}
			for i, r := range x.target {
				w.target = append(w.target, copyOf(r, 1, int64(i)))
			}
			if got := w.keys(); got.Wrong != x.want || got.Same != x.same || got.Behind != x.behind {
				t.Errorf("%+v", got)
			}
		})
	}
}
