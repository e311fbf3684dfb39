package sharedlogtest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// until asks again and again, by barrier reads, until something is so.
func (h *hosted) until(t *testing.T, what string, so func(core *Seats, at sharedlog.Position) bool) {
	t.Helper()
	for began := time.Now(); ; {
		found := false
		err := h.Read(within(t), true, func(core sharedlog.Core, at sharedlog.Position) { found = so(core.(*Seats), at) })
		if err != nil {
			t.Fatal(err)
		}
		if found {
			return
		}
		if time.Since(began) > bound {
			t.Fatalf("not in time: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

// grow makes the log grow by an even number of records, and leaves the state as it was.
func (h *hosted) grow(t *testing.T, n int) {
	t.Helper()
	for range n / 2 {
		h.call(t, take("grown"), "")
		h.call(t, free("grown"), "")
	}
}

// stored waits until there are so many snapshots, and returns the newest one's manifest.
func (p *Partition) stored(t *testing.T, h *hosted, beyond int64) *events.LogSnapshot {
	t.Helper()
	for began := time.Now(); time.Since(began) < bound; h.grow(t, 2) {
		list, err := p.shelf().List(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 0 && list[0].Manifest.Offset > beyond {
			return list[0].Manifest
		}
	}
	t.Fatal("no snapshot is written in time")
	return nil
}

// snapshotPlusTail: a host that begins at a snapshot has the state of one that has folded
// the whole log, the calls that it remembers included.
func snapshotPlusTail(t *testing.T, p *Partition) {
	h := p.start(t)
	again := record(t, fresh(), 0, take("again"))
	p.append(t, again)
	h.call(t, take("a"), "")
	h.call(t, free("again"), "")
	stop := keep(t, p.keeper(h, 4, -1))
	m := p.stored(t, h, 3)
	stop()
	if m.Epoch != 0 || m.Last >= m.Offset || m.Print == 0 || m.History == 0 {
		t.Errorf("the manifest is %v", m)
	}
	h.call(t, take("b"), "")
	second := p.start(t)
	p.append(t, again) // A copy of what only the snapshot knows.
	a, at := h.state(t)
	b, _ := second.state(t)
	same(t, "from the beginning and from a snapshot", a, b)
	same(t, "a host and the log", a, p.whole(t))
	if at.Offset <= m.Offset {
		t.Errorf("at %d nothing stands behind the snapshot at %d", at.Offset, m.Offset)
	}
	p.histories(t, m)
}

// histories compares the history of a reader from a snapshot on with that of all.
func (p *Partition) histories(t *testing.T, m *events.LogSnapshot) {
	t.Helper()
	from, err := eventlog.NewReaderFrom(p.Log(), m)
	if err != nil {
		t.Fatal(err)
	}
	all := eventlog.NewSharedReader(p.Log(), p.Topic, 0)
	for _, r := range []*eventlog.Reader{from, all} {
		if err := r.Barrier(within(t), nil); err != nil {
			t.Fatal(err)
		}
	}
	if from.Judge() != all.Judge() {
		t.Errorf("the history from a snapshot on is %+v, that of the whole log %+v", from.Judge(), all.Judge())
	}
}

// gate lets a follower's log stand still.
type gate struct {
	eventlog.Log
	shut atomic.Pointer[chan struct{}]
}

func (g *gate) close() (open func()) {
	c := make(chan struct{})
	g.shut.Store(&c)
	return func() { g.shut.Store(nil); close(c) }
}

func (g *gate) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if c := g.shut.Load(); c != nil {
		select {
		case <-*c:
		case <-ctx.Done():
			return events.Page{}, ctx.Err()
		}
	}
	return g.Log.Fetch(ctx, from, wait)
}

// truncation: a host that stood still while the log was deleted beyond what it had read
// goes on from a snapshot, and its calls get their verdicts.
func truncation(t *testing.T, p *Partition) {
	h := p.start(t)
	h.call(t, take("a"), "")
	var g *gate
	still := p.start(t, func(c *sharedlog.Config) {
		g = &gate{Log: c.Reads}
		c.Reads = g
	})
	still.call(t, take("b"), "")
	open := g.close()
	answer := make(chan sharedlog.Verdict, 1)
	if _, err := still.Start(within(t), take("c"), func(_ sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict, err error) {
		if err != nil {
			t.Errorf("the call of the host that stood still: %v", err)
		}
		answer <- v
	}); err != nil {
		t.Fatal(err)
	}
	h.until(t, "the call is in the log", func(core *Seats, _ sharedlog.Position) bool { return core.Taken["c"] != nil })
	_, at := h.state(t)
	keep(t, p.keeper(h, 4, 0))
	for began := time.Now(); ; h.grow(t, 2) {
		start, _, err := eventlog.Bounds(within(t), p.Log())
		if err != nil {
			t.Fatal(err)
		}
		if start > at.Offset {
			break
		}
		if time.Since(began) > bound {
			t.Fatal("the log is not truncated in time")
		}
	}
	open()
	select {
	case v := <-answer:
		if !v.Accepted() {
			t.Errorf("the call of the host that stood still got %+v", v)
		}
	case <-time.After(bound):
		t.Fatal("the call of the host that stood still has no verdict")
	}
	a, _ := h.state(t)
	b, _ := still.state(t)
	same(t, "a host that stood still across a truncation", a, b)
	late, _ := p.start(t).state(t)
	same(t, "a host that begins after a truncation", a, late)
}

// LostTail is a part of the suite for a partition that can lose its tail: what was read
// and is gone is dropped by every host; calls that wait are made again as they are.
func LostTail(t *testing.T, p *Partition) {
	if p.Lose == nil {
		return // A broker must be killed for that, which no other test may use meanwhile.
	}
	var hold atomic.Bool
	made := make(chan struct{}, 100)
	a, b := p.start(t), p.start(t, func(c *sharedlog.Config) {
		c.Log = &faulty{Log: c.Log, before: func([]events.Record) error {
			select {
			case made <- struct{}{}:
			default: // It is made again and again.
			}
			if hold.Load() {
				return errBroken
			}
			return nil
		}}
	})
	kept := a.call(t, take("kept"), "")
	b.call(t, take("lost"), "")
	hold.Store(true)
	<-made
	answer := make(chan sharedlog.Verdict, 1)
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	if _, err := b.Start(ctx, take("waits"), func(_ sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict, err error) {
		if err == nil {
			answer <- v
		}
		close(answer)
	}); err != nil {
		t.Fatal(err)
	}
	<-made
	p.Lose(kept.Offset + 1)
	hold.Store(false)
	for _, h := range []*hosted{a, b} {
		h.until(t, "the lost call is dropped", func(core *Seats, _ sharedlog.Position) bool {
			return core.Taken["lost"] == nil && core.Taken["kept"] != nil
		})
	}
	select { // It had seen what is lost, so it may stay unknown; but it is not left without an answer.
	case <-answer:
	case <-time.After(bound):
		t.Fatal("the call that waited has no answer")
	}
	a.call(t, take("lost"), "")
	x, _ := a.state(t)
	y, _ := b.state(t)
	same(t, "two hosts after the loss of a tail", x, y)
	same(t, "a host and the log after the loss of a tail", x, p.whole(t))
}

// watchers are told of every decision once, in the order of the log.
func watchers(t *testing.T, p *Partition) {
	h := p.start(t)
	h.call(t, take("before"), "")
	var told []string
	begun := 0
	stop, err := h.Watch(within(t), &sharedlog.Watcher{
		Began: func(core sharedlog.Core, _ sharedlog.Position) {
			begun++
			if core.(*Seats).Taken["before"] == nil {
				t.Error("a watcher begins before what it was added after")
			}
		},
		Decided: func(_ sharedlog.Core, c *sharedlog.Call, v sharedlog.Verdict) {
			told = append(told, fmt.Sprintf("%v %s", c.Message.(*events.QueueEnqueued).Id, v.Code))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.call(t, take("a"), "")
	h.call(t, take("a"), events.CodeDuplicateEntry)
	h.call(t, take("b"), "")
	h.state(t)
	stop()
	h.call(t, take("c"), "")
	if got, want := fmt.Sprint(told), fmt.Sprintf("[a  a %s b ]", events.CodeDuplicateEntry); got != want || begun != 1 {
		t.Errorf("told %s after %d beginnings; want %s", got, begun, want)
	}
}
