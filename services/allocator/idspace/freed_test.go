package idspace

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// What becomes free is told from any offset on that is known, also behind a snapshot.
func TestWhatBecameFree(t *testing.T) {
	t.Parallel()
	c, offset := New(), int64(0)
	does := func(m any) {
		t.Helper()
		call := &sharedlog.Call{Offset: offset}
		switch m := m.(type) {
		case *events.IdsSpaceDeclared:
			call.Message = m
		case *events.IdsRangeGranted:
			call.Message = m
		case *events.IdsRangeReleased:
			call.Message = m
		}
		if code := c.Decide(call); code != "" {
			t.Fatalf("%v: %s", m, code)
		}
		offset++
	}
	since := func(offset int64) string {
		all, ok := c.Space("s").FreedSince(offset)
		return fmt.Sprint(all, ok)
	}
	wants := func(offset int64, want string) {
		t.Helper()
		if got := since(offset); got != want {
			t.Errorf("since %d: %s, want %s", offset, got, want)
		}
	}
	does(&events.IdsSpaceDeclared{Space: "s", From: 1, To: 1 << 20, MaxCount: 10})
	does(&events.IdsRangeGranted{Space: "s", RequestId: "a", From: 5, To: 8}) // 1 to 4 are left out.
	does(&events.IdsRangeReleased{Space: "s", RequestId: "a", From: 6, To: 7})
	wants(0, "[] false")
	wants(1, "[{1 4 1} {6 7 2}] true")
	wants(2, "[{6 7 2}] true")
	wants(3, "[] true")

	restored := New()
	if err := restored.Restore(c.Snapshot(nil)); err != nil {
		t.Fatal(err)
	}
	c = restored
	wants(3, "[] false")
	does(&events.IdsRangeReleased{Space: "s", RequestId: "a", Whole: true})
	wants(2, "[] false")
	wants(3, "[{5 5 3} {8 8 3}] true")

	for i := range int64(maxFreed) { // Each leaves one out.
		does(&events.IdsRangeGranted{Space: "s", RequestId: fmt.Sprint(i), From: 101 + 2*i, To: 101 + 2*i})
	}
	wants(3, "[] false")
	if all, ok := c.Space("s").FreedSince(offset - 5); !ok || len(all) != 5 {
		t.Errorf("the newest are %v, %t", all, ok)
	}
}
