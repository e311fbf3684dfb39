package eventlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// streamed is a fold that is restored from a stream, and holds what it has read.
type streamed struct {
	eventlog.Fold
	state []byte
	full  error // what is in the way of its file
}

func (s *streamed) RestoreFrom(state io.Reader) (err error) {
	if s.full != nil {
		return fmt.Errorf("restore: %w", s.full)
	}
	s.state, err = io.ReadAll(state)
	return err
}

func (s *streamed) FoldVersion() uint32 { return 1 }

var errFull = &fs.PathError{Op: "write", Path: "state", Err: errors.New("no space left on device")}

// bodyOf is the body of a snapshot of a shared log: nothing of the runtime's own, then the
// state.
func bodyOf(state []byte) []byte { return append([]byte{1, 0, 0, 0, 0, 0, 0}, state...) }

// A fold that does not hold its state is restored chunk by chunk, from the newest snapshot
// that is what its manifest says.
func TestASnapshotIsRestoredAsAStream(t *testing.T) {
	small, large := []byte("short"), bytes.Repeat([]byte("a state of several chunks "), 100_000)
	for _, c := range []struct {
		name string
		// what the newest snapshot is like
		state []byte
		harm  func(m *events.LogSnapshot)
		want  []byte
	}{
		{"whole", large, func(*events.LogSnapshot) {}, large},
		{"with another hash", large, func(m *events.LogSnapshot) { m.StateHash++ }, small},
		{"with another size", large, func(m *events.LogSnapshot) { m.StateBytes-- }, small},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &eventlog.Snapshots{Log: memlog.New(), Topic: topic, Partition: 3, Encoder: events.Encoder{Source: "/spanway/test"}}
			bad := 0
			s.OnBad = func(*events.LogSnapshot, error) { bad++ }
			write := func(offset int64, state []byte, harm func(m *events.LogSnapshot)) {
				body := bodyOf(state)
				m := &events.LogSnapshot{Topic: topic, Partition: 3, Offset: offset, FoldVersion: 1,
					StateBytes: int64(len(body)), StateHash: xxhash.Sum64(body)}
				harm(m)
				if err := s.Write(t.Context(), &eventlog.Snapshot{Manifest: m, Body: body}); err != nil {
					t.Fatal(err)
				}
			}
			write(10, small, func(*events.LogSnapshot) {})
			write(20, c.state, c.harm)
			all, err := s.List(t.Context())
			if err != nil || len(all) != 2 {
				t.Fatal(all, err)
			}
			_, fold, err := s.Restore(t.Context(), all, func() eventlog.Fold { return &streamed{Fold: newToyFold()} })
			if err != nil {
				t.Fatal(err)
			}
			if got := fold.(*streamed).state; !bytes.Equal(got, c.want) || (bad > 0) != (len(c.want) == len(small)) {
				t.Errorf("%d bytes were restored, want %d; %d snapshots were told to be bad", len(got), len(c.want), bad)
			}
			_, _, err = s.Restore(t.Context(), all[:1], func() eventlog.Fold { return &streamed{Fold: newToyFold(), full: errFull} })
			if !errors.Is(err, errFull) {
				t.Errorf("a disk that is full is told as %v", err)
			}
		})
	}
}
