package sharedlog_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// patientLog is a gated log whose reads wait for what comes next without end once it is patient,
// unless they do not wait at all.
type patientLog struct {
	gated
	patient atomic.Bool
}

func (l *patientLog) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if wait > 0 && l.patient.Load() {
		return l.Log.Fetch(ctx, from, time.Hour)
	}
	return l.gated.Fetch(ctx, from, wait)
}

// A host that is overtaken by truncation begins at a snapshot that has the verdict on a call
// that waits: its caller is told, and the next call does not wait until something else comes.
func TestOvertakenBySnapshotWithTheVerdict(t *testing.T) {
	log := memlog.New()
	snapshots := &eventlog.Snapshots{Log: memlog.New(), Topic: "t", Encoder: events.Encoder{Source: "/test"}}
	newCore := func() sharedlog.Core { return &seats{2, map[string]int64{}} }
	reads := &patientLog{gated: gated{log, make(chan chan struct{})}}
	writes := newHeld(log)
	close(writes.shut)
	h := sharedlog.NewHost(sharedlog.Config{
		Log: writes, Reads: reads, Topic: "t", Encoder: events.Encoder{Source: "/test"}, NewCore: newCore, Snapshots: snapshots,
	})
	run(t, h)
	if _, err := h.Call(t.Context(), take("a"), nil); err != nil {
		t.Fatal(err)
	}
	open, answer := make(chan struct{}), make(chan error, 1)
	reads.shut <- open
	<-writes.done // Of the first call.
	if _, err := h.Start(t.Context(), take("b"), func(_ sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict, err error) {
		if !v.Accepted() || v.Offset != 1 {
			t.Errorf("%+v", v)
		}
		answer <- err
	}); err != nil {
		t.Fatal(err)
	}
	<-writes.done
	foreign(t, log, sharedlog.CallID{1})
	foreign(t, log, sharedlog.CallID{2})
	truncate(t, log, snapshots, newCore)
	reads.patient.Store(true)
	close(open)
	select {
	case err := <-answer:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("never told")
	}
	if n, bytes := h.Waiting(); n != 0 || bytes != 0 {
		t.Errorf("%d calls with %d bytes wait for ever", n, bytes)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := h.Call(ctx, take("c"), nil); err != nil {
		t.Error(err)
	}
}
