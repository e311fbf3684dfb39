package eventlog_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// FuzzSnapshot: whatever stands on the topic of snapshots, a reader neither panics
// nor takes it for what it is not; what it takes has the hash of its manifest.
func FuzzSnapshot(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0}, int64(7), uint64(0), "in/0@3", false)
	f.Add([]byte{1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 'a', 'b', 'c', 200}, int64(1<<40), uint64(9), "", true)
	f.Fuzz(func(t *testing.T, body []byte, bytes int64, hash uint64, inputs string, lie bool) {
		snap := &eventlog.Snapshot{Body: body, Manifest: &events.LogSnapshot{
			Topic: topic, Partition: 3, Offset: 1, Epoch: 1, ClaimId: make([]byte, 16), Inputs: inputs,
		}}
		snap.Manifest.StateBytes, snap.Manifest.StateHash = int64(len(body)), snap.Hash()
		if lie {
			snap.Manifest.StateBytes, snap.Manifest.StateHash = bytes, hash
		}
		if proto.Size(snap.Manifest) == 0 {
			return
		}
		s := &eventlog.Snapshots{Log: memlog.New(), Topic: topic, Partition: 3}
		if err := s.Write(t.Context(), snap); err != nil {
			return // Text that is not UTF-8.
		}
		list, err := s.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range list {
			if got, err := s.Load(t.Context(), st); err == nil && got.Hash() != st.Manifest.StateHash {
				t.Error("a snapshot with another hash was loaded")
			}
			if _, _, err := s.Restore(t.Context(), list, newToyFold); err != nil {
				_ = err.Error()
			}
			if _, err := eventlog.NewReaderFrom(s.Log, st.Manifest); err == nil && len(st.Manifest.ClaimId) != 16 {
				t.Error("a reader without a claim ID")
			}
		}
	})
}
