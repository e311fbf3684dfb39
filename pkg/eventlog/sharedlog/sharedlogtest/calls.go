package sharedlogtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

func verdicts(t *testing.T, p *Partition) {
	h := p.start(t)
	first := h.call(t, take("a"), "")
	h.call(t, take("a"), events.CodeDuplicateEntry)
	h.call(t, free("a"), "")
	h.call(t, free("a"), events.CodeAlreadyRemoved)
	seen := 0
	v, err := h.Call(within(t), take("b"), func(core sharedlog.Core, c *sharedlog.Call, v sharedlog.Verdict) {
		if seats := core.(*Seats); len(seats.Taken) == 1 && seats.Taken["b"].At == c.Offset && v.Accepted() {
			seen++
		}
	})
	if err != nil || v.Offset <= first.Offset || seen != 1 {
		t.Errorf("verdict %+v, %v; the core was seen with it %d times", v, err, seen)
	}
	_, err = h.Call(within(t), take(large(events.MaxRecordBytes)), nil)
	var refused *events.Malformed
	if !errors.As(err, &refused) || refused.Code != events.CodeTooLarge {
		t.Errorf("a record that is too large: %v", err)
	}
	if _, err = h.Call(within(t), take("\xff"), nil); !errors.As(err, &refused) || refused.Code != events.CodeBadData {
		t.Errorf("a message that cannot be written: %v", err)
	}
}

// twoHosts: of the calls of two hosts for the same seats each seat goes to one, and both
// have the same state.
func twoHosts(t *testing.T, p *Partition) {
	hosts := []*hosted{p.start(t), p.start(t)}
	const seats, callers = 40, 4
	var got [seats]atomic.Int32
	var calling sync.WaitGroup
	for _, h := range hosts {
		for range callers {
			calling.Go(func() {
				for i := range seats {
					v, err := h.Call(within(t), take(fmt.Sprintf("seat-%d", i)), nil)
					switch {
					case err != nil || v.Code != "" && v.Code != events.CodeDuplicateEntry:
						t.Errorf("verdict %+v, %v", v, err)
					case v.Accepted():
						got[i].Add(1)
					}
				}
			})
		}
	}
	calling.Wait()
	for i := range got {
		if n := got[i].Load(); n != 1 {
			t.Errorf("seat %d went to %d callers", i, n)
		}
	}
	a, _ := hosts[0].state(t)
	b, _ := hosts[1].state(t)
	same(t, "two hosts", a, b)
	same(t, "a host and the log", a, p.whole(t))
}

// asked is a log that tells when it is asked where it ends.
type asked struct {
	eventlog.Log
	told chan struct{}
}

func (l asked) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	page, err := l.Log.Fetch(ctx, from, wait)
	l.told <- struct{}{}
	return page, err
}

// barrier: a read of a host that is behind waits until it has folded what was there.
func barrier(t *testing.T, p *Partition) {
	a := p.start(t)
	var g *gate
	told := make(chan struct{}, 100)
	b := p.start(t, func(c *sharedlog.Config) {
		g = &gate{Log: c.Reads}
		c.Log, c.Reads = asked{c.Log, told}, g
	})
	b.call(t, take("before"), "")
	open := g.close()
	v := a.call(t, take("a"), "")
	read := make(chan error, 1)
	go func() {
		read <- b.Read(within(t), true, func(core sharedlog.Core, at sharedlog.Position) {
			if core.(*Seats).Taken["a"] == nil || at.Offset <= v.Offset {
				t.Errorf("a read with a barrier up to %d does not see what was answered at %d", at.Offset, v.Offset)
			}
		})
	}()
	select {
	case <-told:
	case err := <-read:
		t.Fatalf("a read with a barrier did not ask where the log ends: %v", err)
	}
	open()
	if err := <-read; err != nil {
		t.Fatal(err)
	}
}

// faulty is a log whose appends fail as fault says, before or after they are made.
type faulty struct {
	eventlog.Log
	before, after func(batch []events.Record) error
}

func (l *faulty) Append(ctx context.Context, batch []events.Record) (int64, error) {
	if l.before != nil {
		if err := l.before(batch); err != nil {
			return 0, err
		}
	}
	base, err := l.Log.Append(ctx, batch)
	if err == nil && l.after != nil {
		err = l.after(batch)
	}
	return base, err
}

var errBroken = errors.New("the connection broke")

// lostAcknowledgement: a call is made again with the same bytes, whether or not it is in
// the log, and is accepted once.
func lostAcknowledgement(t *testing.T, p *Partition) {
	var unsent, unheard atomic.Int32 // how many appends are to fail, before or after they are made
	var mu sync.Mutex
	var made []string
	fail := func(left *atomic.Int32) error {
		if left.Add(-1) >= 0 {
			return errBroken
		}
		return nil
	}
	h := p.start(t, func(c *sharedlog.Config) {
		c.Log = &faulty{Log: c.Log, after: func([]events.Record) error { return fail(&unheard) }, before: func(batch []events.Record) error {
			mu.Lock()
			defer mu.Unlock()
			made = append(made, fmt.Sprint(batch))
			return fail(&unsent)
		}}
	})
	unsent.Store(2)
	h.call(t, take("first"), "")
	mu.Lock()
	if len(made) < 3 || made[0] != made[1] || made[1] != made[2] {
		t.Errorf("a call that failed twice was made %d times: %v", len(made), made)
	}
	mu.Unlock()
	unheard.Store(2)
	v := h.call(t, take("a"), "")
	h.call(t, take("a"), events.CodeDuplicateEntry)
	err := h.Read(within(t), true, func(core sharedlog.Core, _ sharedlog.Position) {
		if at := core.(*Seats).Taken["a"].At; at != v.Offset {
			t.Errorf("the verdict is of %d, the seat was taken at %d", v.Offset, at)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// sameCall: the first record of a call decides, whichever host wrote it, and whether or
// not that lives: refusals are remembered, too.
func sameCall(t *testing.T, p *Partition) {
	h := p.start(t)
	h.call(t, take("a"), "")
	dead, refused := fresh(), fresh()
	at := p.append(t, record(t, dead, 0, take("b")))
	p.append(t, record(t, refused, 0, take("a")))
	p.append(t, record(t, dead, 0, take("b")))
	h.call(t, free("a"), "")
	h.call(t, free("b"), "")
	p.append(t, record(t, dead, 0, take("b")))
	p.append(t, record(t, refused, 0, take("a")))
	err := h.Read(within(t), true, func(core sharedlog.Core, _ sharedlog.Position) {
		if n := len(core.(*Seats).Taken); n != 0 {
			t.Errorf("%d seats are taken by copies of calls", n)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := h.Resolve(within(t), dead); err != nil || !v.Accepted() || v.Offset != at {
		t.Errorf("the call of the host that died: %+v, %v; want it accepted at %d", v, err, at)
	}
	if v, err := h.Resolve(within(t), refused); err != nil || v.Code != events.CodeDuplicateEntry {
		t.Errorf("the refused call: %+v, %v", v, err)
	}
	var unknown *sharedlog.UnknownError
	if _, err := h.Resolve(within(t), fresh()); !errors.As(err, &unknown) {
		t.Errorf("a call that was never made: %v", err)
	}
}

// strangers: what is no call decides nothing, and the log goes on.
func strangers(t *testing.T, p *Partition) {
	h := p.start(t)
	h.call(t, take("a"), "")
	good := record(t, fresh(), 0, take("b"))
	headers := func(change func([]events.Header) []events.Header) {
		r := good
		r.Headers = change(append([]events.Header(nil), good.Headers...))
		p.append(t, r)
	}
	call := len(good.Headers) - 2
	headers(func([]events.Header) []events.Header { return nil })
	headers(func(h []events.Header) []events.Header { return h[:call] })
	headers(func(h []events.Header) []events.Header { return h[:call+1] })
	headers(func(h []events.Header) []events.Header { return append(h, h[call]) })
	headers(func(h []events.Header) []events.Header { h[call].Value = []byte("short"); return h })
	headers(func(h []events.Header) []events.Header { h[call+1].Value = nil; return h })
	p.append(t, record(t, fresh(), 1<<40, take("b"))) // It has seen what does not exist.
	p.append(t, record(t, fresh(), -1, take("b")))
	nothing, junk, unknown := record(t, fresh(), 0, take("b")), record(t, fresh(), 0, take("b")), record(t, fresh(), 0, take("b"))
	nothing.Value, junk.Value = nil, []byte{0xff, 0xff, 0xff}
	for i := range unknown.Headers {
		if unknown.Headers[i].Key == events.HeaderType {
			unknown.Headers[i].Value = []byte("com.example.other.v1")
		}
	}
	for _, r := range []events.Record{nothing, junk, unknown} {
		p.append(t, r)
	}
	h.call(t, take("a"), events.CodeDuplicateEntry)
	h.call(t, take("b"), "")
	state, _ := h.state(t)
	same(t, "a host and the log", state, p.whole(t))
}

// abandoned: a call whose context ends has no verdict; the same call made again has one.
func abandoned(t *testing.T, p *Partition) {
	held, made := make(chan struct{}), make(chan struct{}, 10)
	h := p.start(t, func(c *sharedlog.Config) {
		c.Log = &faulty{Log: c.Log, before: func([]events.Record) error {
			made <- struct{}{}
			<-held
			return nil
		}}
	})
	ctx, cancel := context.WithCancel(within(t))
	answer := make(chan error, 1)
	go func() {
		_, err := h.Call(ctx, take("a"), nil)
		answer <- err
	}()
	<-made
	queued, giveUp := context.WithCancel(within(t))
	second := make(chan error, 1)
	go func() {
		_, err := h.Call(queued, take("c"), nil)
		second <- err
	}()
	cancel()
	err := <-answer
	var unknown *sharedlog.UnknownError
	if !errors.As(err, &unknown) || !errors.Is(err, context.Canceled) {
		t.Fatalf("a call that was not waited for: %v", err)
	}
	giveUp() // It was not sent, so it is certain that it never will be.
	if err := <-second; errors.As(err, &unknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was not sent: %v", err)
	}
	close(held)
	if v, err := h.Resolve(within(t), unknown.Call); err != nil || !v.Accepted() {
		t.Errorf("resolved: %+v, %v", v, err)
	}
	h.call(t, take("a"), events.CodeDuplicateEntry)
	h.call(t, take("c"), "")
}

// refusedError is that of a broker which does not take the records.
type refusedError struct{}

func (refusedError) Error() string { return "the broker does not take the records" }
func (refusedError) Refused() bool { return true }

// refusedAlone: of many calls in one batch the one that the broker does not take fails.
func refusedAlone(t *testing.T, p *Partition) {
	var appending atomic.Bool
	held := make(chan struct{})
	h := p.start(t, func(c *sharedlog.Config) {
		c.Log = &faulty{Log: c.Log, before: func(batch []events.Record) error {
			if appending.CompareAndSwap(false, true) {
				<-held
			}
			for i := range batch {
				if len(batch[i].Value) > 1000 {
					return refusedError{}
				}
			}
			return nil
		}}
	})
	const calls, bad = 20, 7
	type answer struct {
		n       int
		verdict sharedlog.Verdict
		err     error
	}
	answers := make(chan answer, calls)
	for i := range calls {
		id := fmt.Sprintf("seat-%d", i)
		if i == bad {
			id = large(2000)
		}
		_, err := h.Start(within(t), take(id), func(_ sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict, err error) {
			answers <- answer{i, v, err}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	close(held)
	for range calls {
		select {
		case a := <-answers:
			if a.n == bad && !eventlog.IsRefused(a.err) || a.n != bad && (a.err != nil || !a.verdict.Accepted()) {
				t.Errorf("call %d: %+v, %v", a.n, a.verdict, a.err)
			}
		case <-time.After(bound):
			t.Fatal("calls are without an answer")
		}
	}
}

// hostEnds: what waits then is unknown, and what comes later is refused.
func hostEnds(t *testing.T, p *Partition) {
	made, held := make(chan struct{}, 10), make(chan struct{})
	h := p.start(t, func(c *sharedlog.Config) {
		c.Log = &faulty{Log: c.Log, before: func([]events.Record) error {
			made <- struct{}{}
			<-held
			return errBroken
		}}
	})
	answer := make(chan error, 1)
	go func() {
		_, err := h.Call(within(t), take("a"), nil)
		answer <- err
	}()
	<-made
	time.AfterFunc(time.Millisecond, func() { close(held) })
	h.stop()
	var unknown *sharedlog.UnknownError
	if err := <-answer; !errors.As(err, &unknown) || !errors.Is(err, sharedlog.ErrEnded) {
		t.Errorf("a call of a host that ended: %v", err)
	}
	if _, err := h.Call(within(t), take("a"), nil); errors.As(err, &unknown) || !errors.Is(err, sharedlog.ErrEnded) {
		t.Errorf("a call to a host that ended: %v", err)
	}
	if err := h.Read(within(t), false, nil); !errors.Is(err, sharedlog.ErrEnded) {
		t.Errorf("a read of a host that ended: %v", err)
	}
}
