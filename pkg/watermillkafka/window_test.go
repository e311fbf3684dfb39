package watermillkafka

import (
	"testing"

	"pgregory.net/rapid"
)

// However acknowledgements come, what may be committed is exactly what lies
// before the first record that is not done.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w window
		var next int64
		done := map[int]bool{}
		behind := []int64{0} // the offset behind record i is behind[i+1]
		open := []int{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			if len(open) == 0 || rapid.Bool().Draw(t, "begin") {
				next += rapid.Int64Range(1, 3).Draw(t, "gap")
				open = append(open, w.begin(next))
				behind = append(behind, next)
			} else {
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				w.finish(open[i])
				done[open[i]] = true
				open = append(open[:i], open[i+1:]...)
			}
			prefix := 0
			for done[prefix] {
				prefix++
			}
			if w.done != behind[prefix] || len(w.open) != len(behind)-1-prefix {
				t.Fatalf("done to %d with %d open, want %d with %d", w.done, len(w.open), behind[prefix], len(behind)-1-prefix)
			}
		}
	})
}
