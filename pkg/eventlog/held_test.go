package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// spread is a core that publishes each acceptance on both partitions, and on the second
// one a raw copy besides.
type spread struct{ *toyCore }

func (c spread) Publish(l events.Logged, send func(events.Outgoing)) {
	if m, ok := l.Message.(*events.TaskAccepted); ok {
		send(events.Outgoing{Topic: "out", Message: m})
		send(events.Outgoing{Topic: "out", Partition: 1, Message: m})
		send(events.Outgoing{Topic: "out", Partition: 1, Raw: &events.Record{}})
	}
}

// lanes is an outbox of two partitions, of which the second one has room for some
// records only. What is sent is acknowledged.
type lanes struct {
	t    *testing.T
	room int
	sent [2][]int64
}

func (o *lanes) Room(_ string, partition int32) bool { return partition == 0 || o.room > 0 }

func (o *lanes) Send(offset int64, _ string, partition int32, _ events.Record) {
	if n := len(o.sent[partition]); n > 0 && o.sent[partition][n-1] > offset {
		o.t.Errorf("event %d was published after %d on partition %d", offset, o.sent[partition][n-1], partition)
	}
	o.sent[partition] = append(o.sent[partition], offset)
	if partition == 1 {
		o.room--
	}
}
func (o *lanes) Through(limit int64) int64 { return limit }
func (o *lanes) Reset()                    { o.sent = [2][]int64{} }

// A partition without room holds back what goes there, in its order, and nothing else;
// the log says so: what is held back is not published. Room brings all of it, once.
func TestWhatHasNoRoomIsHeldBack(t *testing.T) {
	t.Parallel()
	const n = 9
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprint("task", i))
	}
	box := &lanes{t: t, room: 3} // For one event, and the first record of the next.
	s := newShelf(memlog.New())
	var told []bool
	extend := func(cfg *eventlog.OwnerConfig[string]) {
		cfg.Outbox, cfg.Snapshots = box, nil
		cfg.NewCore = func() eventlog.Core[string] { return spread{newToyCore().(*toyCore)} }
		cfg.Hooks.Owned = nil
		cfg.Hooks.HeldBack = func(to eventlog.TopicPartition, held bool) {
			if to.Partition != 1 {
				t.Errorf("%v is held back", to)
			}
			told = append(told, held)
		}
	}
	s.run(t, setup(t, s.log, ids...), n, extend)
	if len(box.sent[0]) != n || len(box.sent[1]) != 4 || !slices.Equal(told, []bool{true}) {
		t.Fatalf("sent %v; told %v", box.sent, told)
	}
	if through := throughOf(t, s.log); through != box.sent[0][2] {
		t.Errorf("the log says that what is below %d is published; the event at %d is held back", through, box.sent[0][2])
	}

	// The next owner is given room on the way, and less than all of it at first.
	box.room, told = 5, nil
	s.run(t, setup(t, s.log, ids...), 9, extend, func(cfg *eventlog.OwnerConfig[string]) {
		steps := cfg.Inputs.(*stepped)
		steps.before[3] = func() { box.room = 3 }
		steps.before[5] = func() { box.room = 1000 }
	})
	if len(box.sent[0]) != n-2 || len(box.sent[1]) != 2*(n-2) || !slices.Equal(told, []bool{true, false}) {
		t.Fatalf("sent %v; told %v", box.sent, told)
	}
	for i, offset := range box.sent[0] {
		if box.sent[1][2*i] != offset || box.sent[1][2*i+1] != offset {
			t.Errorf("sent %v", box.sent)
		}
	}
}

// waiting is a log that tells when its owner waits because it decides nothing.
type waiting struct {
	eventlog.Log
	wait time.Duration
	told chan struct{}
}

func (l *waiting) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if wait == l.wait {
		select {
		case l.told <- struct{}{}:
		default:
		}
	}
	return l.Log.Fetch(ctx, from, wait)
}

// gate is an outbox that has room once it is open.
type gate struct {
	toyOutbox
	open atomic.Bool
}

func (o *gate) Room(string, int32) bool { return o.open.Load() }

// What a dead partition leaves open is bounded: beyond it nothing more is decided, until
// there is room. Nothing is lost. It changes the bound of all owners, so it is not run
// beside others.
func TestOpenEventsAreBounded(t *testing.T) {
	defer eventlog.BoundOpen(2_000)()
	var ids []string
	for i := range 100 {
		ids = append(ids, fmt.Sprint("task", i))
	}
	b := setup(t, memlog.New(), ids...)
	box := &gate{toyOutbox: toyOutbox{got: b.outbox.got}}
	log := &waiting{b.log, 7 * time.Millisecond, make(chan struct{}, 1)}
	b.cfg.Log, b.cfg.Outbox, b.cfg.IdleWait = log, box, log.wait
	stop := b.run(t)
	select {
	case <-log.told:
	case <-time.After(time.Minute):
		t.Fatal("it goes on deciding")
	}
	if end := b.log.End(); end < 5 || end > 50 {
		t.Errorf("the log holds %d events of 100", end)
	}
	box.open.Store(true)
	b.await(t, len(ids))
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(box.sent) != len(ids) {
		t.Errorf("%d of %d events were published", len(box.sent), len(ids))
	}
}

// throughOf is up to where the log says that it is published.
func throughOf(t *testing.T, log eventlog.Log) (through int64) {
	t.Helper()
	counted, _, _ := read(t, log)
	for _, l := range counted {
		if m, ok := l.Message.(*events.LogPublished); ok {
			through = m.Through
		}
	}
	return through
}

// quiet is a core whose events cause nothing elsewhere.
type quiet struct{ *toyCore }

func (quiet) Publish(events.Logged, func(events.Outgoing)) {}

// Events that cause nothing are no reason to decide nothing: large ones reach the bound
// before they are so many that the log is told for the sake of the next owner.
func TestEventsThatCauseNothingDoNotHoldAnOwner(t *testing.T) {
	defer eventlog.BoundOpen(2_000)()
	var ids []string
	for i := range 100 {
		ids = append(ids, fmt.Sprint("task", i))
	}
	b := setup(t, memlog.New(), ids...)
	decided, all := 0, make(chan struct{})
	b.cfg.NewCore = func() eventlog.Core[string] { return quiet{newToyCore().(*toyCore)} }
	b.cfg.Hooks.Owned = nil
	b.cfg.Hooks.Counted = func(_ eventlog.Core[string], batch []events.Logged) {
		for _, l := range batch {
			if _, ok := l.Message.(*events.TaskAccepted); ok {
				decided++
			}
		}
		if decided == len(ids) {
			close(all)
			decided++
		}
	}
	stop := b.run(t)
	select {
	case <-all:
	case <-time.After(time.Minute):
		t.Error("it decides nothing more, though nothing is to be published")
	}
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	t.Logf("%d events decided", decided)
}
