package placement

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestWindow compares the window with a plain list, keys that collide and come
// again included, and across the end of the numbers.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var w window
		if rapid.Bool().Draw(rt, "at the end of the numbers") {
			w.first = math.MaxUint32 - 20
		}
		limit := rapid.IntRange(1, 60).Draw(rt, "limit")
		keys := rapid.IntRange(1, 100).Draw(rt, "keys")
		near := rapid.IntRange(1, 40).Draw(rt, "homes")
		var list []endedEntry
		key := func(n int) (k endedKey) {
			k[0], k[9] = byte(n%near), byte(n)
			return k
		}
		for i := range rapid.IntRange(0, 200).Draw(rt, "ended") {
			e := endedEntry{key: key(rapid.IntRange(0, keys-1).Draw(rt, "key")), at: int64(i) * windowMs / 50, offset: int64(i + 1)}
			w.add(e, limit)
			list = append(list, e)
			for len(list) > limit || list[0].at < e.at-windowMs {
				list = list[1:]
			}
			if i%7 == 3 {
				var again window
				again.fill(append([]endedEntry(nil), w.oldest.all()...))
				w = again
			}
		}
		last := map[endedKey]endedEntry{}
		for _, e := range list {
			last[e.key] = e
		}
		for n := range keys {
			want, known := last[key(n)]
			if got, ok := w.find(key(n)); ok != known || got != want {
				rt.Fatalf("key %d: %v %v, want %v %v", n, got, ok, want, known)
			}
		}
		if w.used != len(last) || w.oldest.len() != len(list) {
			rt.Fatalf("%d keys of %d entries, want %d of %d", w.used, w.oldest.len(), len(last), len(list))
		}
	})
}
