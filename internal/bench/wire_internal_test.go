package bench

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// What is read back is held through all rounds, so it must not hold what stands before it.
func TestOnlyTheNewestRecordsAreHeld(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, added int }{{10, 0}, {10, 7}, {10, 10}, {10, 15}, {10, 20}, {10, 21}, {10, 1000}} {
		k := newest{n: c.n}
		for i := range c.added {
			k.add(events.Record{Offset: int64(i), Value: []byte("v")})
		}
		got := k.all()
		if want := min(c.n, c.added); len(got) != want || want > 0 && (got[0].Offset != int64(c.added-want) || got[want-1].Offset != int64(c.added-1)) {
			t.Errorf("of %d, the last %d: %d records, %v", c.added, c.n, len(got), got)
		}
		held := 0
		for _, r := range got[:cap(got)] {
			if r.Value != nil {
				held++
			}
		}
		if held > c.n {
			t.Errorf("of %d, the last %d: %d are held", c.added, c.n, held)
		}
	}
}
