package sharedlog_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// held is a log whose appends have no acknowledgement until shut is closed.
type held struct {
	*memlog.Log
	shut chan struct{}
	done chan struct{} // an append was made
}

func newHeld(log *memlog.Log) *held {
	return &held{Log: log, shut: make(chan struct{}), done: make(chan struct{}, 100)}
}

func (l *held) Append(ctx context.Context, batch []events.Record) (int64, error) {
	base, err := l.Log.Append(ctx, batch)
	l.done <- struct{}{}
	select {
	case <-l.shut:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return base, err
}

// gated is a log whose reads stand still once shut has taken a channel, until that is
// closed.
type gated struct {
	*memlog.Log
	shut chan chan struct{}
}

func (l *gated) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	select {
	case open := <-l.shut:
		<-open
	default:
	}
	return l.Log.Fetch(ctx, from, min(wait, 10*time.Millisecond))
}

// grow lets a log grow by more than the horizon, and by a call which makes every fold
// forget what is behind that.
func grow(t *testing.T, log *memlog.Log) {
	t.Helper()
	log.Skip(sharedlog.Horizon + 10)
	foreign(t, log, sharedlog.CallID{1})
}

// truncate writes a snapshot of all that a log holds, and deletes what it replaces.
func truncate(t *testing.T, log *memlog.Log, snapshots *eventlog.Snapshots, newCore func() sharedlog.Core) {
	t.Helper()
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: log, Topic: "t", Shared: true, Now: time.Now,
		NewFold: func() eventlog.Fold { return sharedlog.NewFold(newCore(), sharedlog.Horizon) },
	})
	if err := f.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	snap, err := f.Snapshot(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := snapshots.Write(t.Context(), snap); err != nil {
		t.Fatal(err)
	}
	log.Truncate(snap.Manifest.Last)
}

// foreign is a call of another host.
func foreign(t *testing.T, log *memlog.Log, id sharedlog.CallID) {
	t.Helper()
	r, err := sharedlog.Encode(events.Encoder{Source: "/test"}, id, log.End(), &events.QueueDone{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), []events.Record{r}); err != nil {
		t.Fatal(err)
	}
}

func unknown(t *testing.T, err error) sharedlog.CallID {
	t.Helper()
	var unknown *sharedlog.UnknownError
	if !errors.As(err, &unknown) {
		t.Fatalf("a call without a verdict: %v", err)
	}
	return unknown.Call
}

// A call that was accepted and forgotten is not said to be too late.
func TestResolveBeyondTheHorizon(t *testing.T) {
	log := memlog.New()
	foreign(t, log, sharedlog.CallID{9}) // So the read below waits for the first page, and with it the host is ready for calls.
	writes := newHeld(log)
	reads := &gated{log, make(chan chan struct{})}
	h := sharedlog.NewHost(sharedlog.Config{
		Log: writes, Reads: reads, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		NewCore: func() sharedlog.Core { return &seats{2, map[string]int64{}} },
	})
	run(t, h)
	if err := h.Read(t.Context(), true, func(sharedlog.Core, sharedlog.Position) {}); err != nil {
		t.Fatal(err)
	}
	open := make(chan struct{})
	reads.shut <- open
	ctx, giveUp := context.WithCancel(t.Context())
	answer := make(chan error, 1)
	go func() {
		_, err := h.Call(ctx, take("a"), nil)
		answer <- err
	}()
	<-writes.done
	giveUp()
	id := unknown(t, <-answer)
	grow(t, log)
	close(open)
	close(writes.shut)
	for range 2 {
		v, err := h.Resolve(t.Context(), id)
		if err == nil {
			t.Fatalf("it was accepted and is forgotten; the verdict is %+v", v)
		}
		if unknown(t, err); !strings.Contains(err.Error(), "verdicts are remembered") && !strings.Contains(err.Error(), "not known here") {
			t.Error(err)
		}
	}
}

// A host that is overtaken by truncation, and begins at a snapshot that has forgotten a call
// of its, does not say that it is too late.
func TestOvertakenBeyondTheHorizon(t *testing.T) {
	log := memlog.New()
	snapshots := &eventlog.Snapshots{Log: memlog.New(), Topic: "t", Encoder: events.Encoder{Source: "/test"}}
	newCore := func() sharedlog.Core { return &seats{2, map[string]int64{}} }
	reads := &gated{log, make(chan chan struct{})}
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
		if err == nil {
			t.Errorf("it was accepted and is forgotten; the verdict is %+v", v)
		}
		answer <- err
	}); err != nil {
		t.Fatal(err)
	}
	<-writes.done
	grow(t, log)
	truncate(t, log, snapshots, newCore)
	close(open)
	unknown(t, <-answer)
}
