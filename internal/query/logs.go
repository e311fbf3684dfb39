package query

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// SnapshotInfo is a complete snapshot of a partition of a log.
type SnapshotInfo struct {
	// Offset of the log up to which it is the state, and the fold version.
	Offset      int64
	FoldVersion uint32
	// Bytes of the state, uncompressed, and its XXH64.
	Bytes int64
	Hash  uint64
	// AtMs is when it was taken, in milliseconds since the Unix epoch.
	AtMs int64
	// Usable: the log can be folded from it.
	Usable bool
}

// SnapshotsOf lists the complete snapshots of a partition of a log that judges
// itself, newest by log offset first.
func (q *Querier) SnapshotsOf(ctx context.Context, topic string, partition int32) ([]SnapshotInfo, error) {
	s := q.snapshots(topic, partition)
	all, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	usable, _, err := s.Usable(ctx, q.log(s.Topic, partition))
	if err != nil {
		return nil, err
	}
	can := map[int64]bool{}
	for _, st := range usable {
		can[st.At] = true
	}
	var out []SnapshotInfo
	for _, st := range all {
		m := st.Manifest
		out = append(out, SnapshotInfo{m.Offset, m.FoldVersion, m.StateBytes, m.StateHash, m.AtMs, can[st.At]})
	}
	return out, nil
}

// CodeNotLost: a log was to be reset whose state can be folded.
const CodeNotLost events.Code = "NOT_LOST"

// Reset is what ResetLog found and wrote.
type Reset struct {
	Partition int32
	// Start is where the log began, End where it ended; what it held before and
	// between them has no effect any more.
	Start, End int64
	// Accepted is the event that says so.
	Accepted *events.LogLossAccepted
}

// CodeNoFold: this binary knows no fold of the log, so it cannot write its empty state.
const CodeNoFold events.Code = "NO_FOLD"

// CodeRecordsLost: the beginning of a log is gone without a snapshot; the error is an
// *eventlog.LossError.
const CodeRecordsLost events.Code = "RECORDS_LOST"

// newFold gives what folds a log of the catalogue; nil if this binary has no fold of
// it. Each system adds its own here.
func (q *Querier) newFold(log events.Log, partition int32) func() eventlog.Fold {
	switch log.Topic {
	case q.topics.Events():
		return func() eventlog.Fold {
			return placement.New(placement.Config{Topics: q.topics, Partition: partition})
		}
	}
	return nil
}

// ResetLog accepts that the state of a partition of an owned log is lost whose
// beginning is gone without a usable snapshot: what it knew is unknown from then on.
// The error is *Refused with NOT_LOST if nothing is lost.
func (q *Querier) ResetLog(ctx context.Context, log events.Log, partition int32, owner, reason string) (Reset, error) {
	newFold := q.newFold(log, partition)
	if newFold == nil {
		return Reset{}, &client.Refused{Code: CodeNoFold, Message: fmt.Sprintf("%s: this binary has no fold of it; the program that owns it resets it, by eventlog.Reset", log.Topic)}
	}
	records := q.log(log.Topic, partition)
	start, end, err := eventlog.Bounds(ctx, records)
	if err != nil {
		return Reset{}, err
	}
	var positions eventlog.Positions
	for _, input := range log.Inputs {
		first, _, err := q.offsets(ctx, input, partition)
		if err != nil {
			return Reset{}, err
		}
		positions.Set(input, partition, first)
	}
	accepted, err := eventlog.Reset(ctx, eventlog.ResetConfig{
		Log: records, Snapshots: q.snapshots(log.Topic, partition), Encoder: q.encoder, NewFold: newFold,
		Now: time.Now, Random: randomID, Owner: owner, Reason: reason, Positions: positions,
	})
	if errors.Is(err, eventlog.ErrNothingLost) {
		return Reset{}, &client.Refused{Code: CodeNotLost, Message: fmt.Sprintf("%s/%d holds [%d, %d) and can be folded; nothing was done", log.Topic, partition, start, end)}
	}
	return Reset{partition, start, end, accepted}, err
}

func randomID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // It never fails (crypto/rand).
	return id
}
