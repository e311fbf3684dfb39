package query

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/internal/run/runtest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Wherever a tail begins, also in the middle of a batch, it judges every record.
func TestTailJudgesFromWithinABatch(t *testing.T) {
	h := newHouse(t)
	c, q, ctx := h.client(t), h.query(), runtest.Within(t)
	const n = 1500 // More than it looks back at first.
	for i := range n {
		c.SubmitAsync(ctx, client.Task{ID: events.TaskID(fmt.Sprint("t", i)), Kind: "none"}, func(_ events.TaskID, err error) {
			if err != nil {
				t.Errorf("task %d: %v", i, err)
			}
		})
	}
	// Requests are decided in their order, so all are in the log when this is.
	if err := c.Cancel(ctx, "", events.TaskID(fmt.Sprint("t", n-1)), ""); err != nil {
		t.Fatal(err)
	}
	topic, partition := c.Topics().Events(), events.PoolPartition(events.DefaultPool)
	_, end, err := q.offsets(ctx, topic, partition)
	if err != nil {
		t.Fatal(err)
	}
	within := 0
	for last := int64(1); last <= end; last += 1 + last/3 {
		next := end - last
		err := q.Tail(ctx, TailConfig{Topic: topic, Partitions: []int32{partition}, From: next}, func(r TailRecord) error {
			if r.Record.Offset == end-last {
				if _, first := r.Record.Header(events.HeaderLog); !first {
					within++
				}
			}
			if r.Record.Offset != next || !r.Judged || !r.Counts {
				return fmt.Errorf("offset %d, judged %v, counts %v; want %d, which counts", r.Record.Offset, r.Judged, r.Counts, next)
			}
			next++
			return nil
		})
		if err != nil || next < end {
			t.Errorf("the last %d from %d to %d: %v", last, next, end, err)
		}
	}
	if within == 0 {
		t.Error("no tail began within a batch: this proves nothing")
	}
	log := q.logs.Partition(topic, partition)
	at, err := boundary(ctx, log, 0, end)
	if err != nil || at >= end {
		t.Errorf("the boundary before the end, %d, is %d, %v", end, at, err)
	}
	if !eventlog.IsOutOfRange(func() error { _, err := boundary(ctx, log, end+1, end+1); return err }()) {
		t.Error("a boundary beyond the end is not out of range")
	}
}
