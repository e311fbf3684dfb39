package idspace

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// full is a space of which so many ranges are live, with as many free ones between them.
func full(tb testing.TB, ranges int64) *world {
	w := newWorld(tb)
	w.core.maxEnded = 512
	w.must(&events.IdsSpaceDeclared{Space: "s", From: 1, To: 1 << 40, MaxCount: 100})
	for i := range 2 * ranges {
		w.must(granted(fmt.Sprintf("%d", i), 10*i+1, 10*i+10))
	}
	for i := range ranges {
		w.must(released(fmt.Sprintf("%d", 2*i)))
	}
	return w
}

// BenchmarkGrant proposes, grants, renews and releases in a space with many live ranges.
func BenchmarkGrant(b *testing.B) {
	for _, ranges := range []int64{1, 1_000, 100_000} {
		b.Run(fmt.Sprintf("live=%d", ranges), func(b *testing.B) {
			w := full(b, ranges)
			core, offset := w.core, int64(len(w.log))
			ids := make([]string, 1024)
			for i := range ids {
				ids[i] = fmt.Sprintf("bench-%d", i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				id := ids[i%len(ids)]
				from, to, _ := core.Space("s").Propose(7)
				offset++
				if code := core.grant(leased(id, from, to, 1000), offset); code != "" {
					b.Fatal(code)
				}
				if code := core.release(released(id), offset); code != "" {
					b.Fatal(code)
				}
			}
		})
	}
}

// BenchmarkSnapshot writes and restores a space with many live ranges.
func BenchmarkSnapshot(b *testing.B) {
	for _, ranges := range []int64{1_000, 100_000} {
		w := full(b, ranges)
		state := w.core.Snapshot(nil)
		b.Run(fmt.Sprintf("write/live=%d", ranges), func(b *testing.B) {
			b.ReportMetric(float64(len(state)), "bytes")
			for b.Loop() {
				state = w.core.Snapshot(state[:0])
			}
		})
		b.Run(fmt.Sprintf("restore/live=%d", ranges), func(b *testing.B) {
			for b.Loop() {
				if err := New().Restore(state); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
