package eventlog_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog/memlog"
)

// Snapshots of equal states share no chunk: what spoils one leaves the other.
func TestSnapshotsOfEqualStatesShareNothing(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	s.run(t, setup(t, s.log, "a"), 3)
	st := s.list(t)[0]
	again, err := s.store().Load(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	again.Manifest = proto.CloneOf(again.Manifest)
	again.Manifest.Offset++
	if err := s.store().Write(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	list := s.list(t)
	newest, older := list[0], list[1]
	if newest.Manifest.Offset != again.Manifest.Offset || newest.First <= older.At || older.At != st.At || older.First != st.First {
		t.Fatalf("the newest two of %+v share a chunk", list)
	}
	for _, r := range s.snapshots.Records() {
		if r.Offset == newest.First {
			r.Value[0] ^= 0xff
		}
	}
	for _, st := range s.list(t)[:2] {
		if _, err := s.store().Load(t.Context(), st); err != nil {
			t.Error(err)
		}
	}
}
