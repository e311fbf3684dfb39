package sharedlog_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// cut is a log to which nothing can be appended while it is cut, and nobody knows whether it was.
type cut struct {
	*memlog.Log
	is    atomic.Bool
	tried chan struct{}
}

func (l *cut) Append(ctx context.Context, batch []events.Record) (int64, error) {
	if !l.is.Load() {
		return l.Log.Append(ctx, batch)
	}
	l.tried <- struct{}{}
	return 0, errors.New("no broker")
}

// A call that was given up while the broker was away, and was taken off the queue since, is made
// again by Resolve.
func TestResolveBehindAnOutage(t *testing.T) {
	log := &cut{Log: memlog.New(), tried: make(chan struct{}, 1000)}
	h := sharedlog.NewHost(sharedlog.Config{
		Log: log, Reads: log.Log, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		NewCore: func() sharedlog.Core { return &seats{1 << 30, map[string]int64{}} },
	})
	run(t, h)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := h.Call(ctx, take("first"), nil); err != nil {
		t.Fatal(err)
	}
	log.is.Store(true)
	short, giveUp := context.WithCancel(ctx)
	answer := make(chan error, 1)
	go func() {
		_, err := h.Call(short, take("second"), nil)
		answer <- err
	}()
	<-log.tried
	<-log.tried // It was queued again.
	giveUp()
	id := unknown(t, <-answer)
	third := make(chan error, 1)
	if _, err := h.Start(ctx, take("third"), func(_ sharedlog.Core, _ *sharedlog.Call, _ sharedlog.Verdict, err error) { third <- err }); err != nil {
		t.Fatal(err)
	}
	for range 3 { // The third is tried, so what was queued before it is not queued any more.
		<-log.tried
	}
	log.is.Store(false)
	if v, err := h.Resolve(ctx, id); err != nil || !v.Accepted() {
		t.Errorf("%+v %v; want it to be made again", v, err)
	}
	if err := <-third; err != nil {
		t.Error(err)
	}
	if n, bytes := h.Waiting(); n != 0 || bytes != 0 {
		t.Errorf("%d calls with %d bytes wait for ever", n, bytes)
	}
}

// Who waits for room gets it when others give up, also while nothing is folded.
func TestRoomOfCallsThatWereGivenUp(t *testing.T) {
	log := &cut{Log: memlog.New(), tried: make(chan struct{}, 100_000)}
	reads := &gated{log.Log, make(chan chan struct{})}
	h := sharedlog.NewHost(sharedlog.Config{
		Log: log, Reads: reads, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		NewCore: func() sharedlog.Core { return &seats{1 << 30, map[string]int64{}} },
	})
	run(t, h)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := h.Call(ctx, take("first"), nil); err != nil {
		t.Fatal(err)
	}
	log.is.Store(true)
	open := make(chan struct{})
	reads.shut <- open
	defer close(open)
	short, giveUp := context.WithCancel(ctx)
	defer giveUp()
	const calls = 21 // With 200 KiB each they fill the room.
	answers := make(chan error, calls)
	for i := range calls {
		go func() {
			_, err := h.Call(short, take(strings.Repeat(string(rune('a'+i)), 200<<10)), nil)
			answers <- err
		}()
		for n, _ := h.Held(); n <= i; n, _ = h.Held() {
			runtime.Gosched()
		}
	}
	started := make(chan error, 1)
	go func() {
		_, err := h.Start(ctx, take("waits"), func(sharedlog.Core, *sharedlog.Call, sharedlog.Verdict, error) {})
		started <- err
	}()
	for h.Waiters() == 0 {
		runtime.Gosched()
	}
	giveUp()
	for range calls {
		<-answers
	}
	if err := <-started; err != nil {
		t.Error(err)
	}
	log.is.Store(false)
}
