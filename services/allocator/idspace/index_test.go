package idspace

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The index against a sorted list.
func TestIndex(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var x index
		var sorted []int64
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		keys := rapid.Int64Range(1, 3000).Draw(t, "keys")
		for range rapid.IntRange(1, 3000).Draw(t, "steps") {
			n := random.Int64N(keys)
			at, there := slices.BinarySearch(sorted, n)
			if there {
				x.remove(key{n, 0})
				sorted = slices.Delete(sorted, at, at+1)
			} else {
				x.add(key{n, 0}, &span{from: n})
				sorted = slices.Insert(sorted, at, n)
			}
			n = random.Int64N(keys)
			at, _ = slices.BinarySearch(sorted, n)
			from, below := x.from(key{n, 0}), x.below(key{n, 0})
			if (from != nil) != (at < len(sorted)) || from != nil && from.from != sorted[at] {
				t.Fatalf("from %d on it finds %v", n, from)
			}
			if (below != nil) != (at > 0) || below != nil && below.from != sorted[at-1] {
				t.Fatalf("below %d it finds %v", n, below)
			}
		}
		var all []int64
		for p := range x.all(key{}) {
			all = append(all, p.from)
		}
		if !slices.Equal(all, sorted) {
			t.Fatalf("it holds %v; want %v", all, sorted)
		}
	})
}
