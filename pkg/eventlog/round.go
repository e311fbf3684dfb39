package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// round decides what has arrived and what time has brought, and appends it.
func (t *tenure[I]) round(ctx context.Context) error {
	more, err := t.publishRest(ctx)
	if err != nil {
		return err
	}
	if len(t.published.later) > maxLater || t.published.size > maxOpen {
		return t.hold(ctx, more)
	}
	wait, before := Wait{}, t.read
	if t.idle && !more {
		wait = t.untilDue()
	}
	arrived, err := t.Inputs.Next(ctx, wait)
	t.tick()
	waited := t.read.Sub(before) - wait.For
	if err != nil {
		return t.heed(ctx, err)
	}
	for i := range arrived.Inputs {
		if err := t.decide(ctx, &arrived.Inputs[i]); err != nil {
			return err
		}
	}
	t.clock.ReadTo = max(t.clock.ReadTo, arrived.ReadTo)
	if t.batch.size > roomForAdvance {
		if err := t.append(ctx); err != nil {
			return err
		}
	}
	// No work is given out while what was given out is still to be looked at.
	busy := len(t.published.later) > 0 || t.advance(waited)
	t.idle = !busy && len(arrived.Inputs) == 0
	t.quiet = t.quiet && len(arrived.Inputs) == 0
	t.emitTruncated()
	if err := t.append(ctx); err != nil {
		return err
	}
	return t.confirmTail(ctx)
}

// What a round may take for what time and state ask for: as long as the round before
// waited for the broker, within these bounds. Where the broker is slow, a core that does
// a little in each call would else wait nearly all the time.
const (
	roundAtLeast = 10 * time.Millisecond
	roundAtMost  = 250 * time.Millisecond
)

// advance has the core do what time and folded state ask for until nothing is left, the
// time of the round is spent, or the batch has no room for another call; more tells that
// something is left. The core has no clock: that a call of it did not do all is no reason
// to wait for the broker.
func (t *tenure[I]) advance(waited time.Duration) (more bool) {
	budget := min(max(waited, roundAtLeast), roundAtMost)
	began := t.read
	for t.core.Advance(t.now(), t.emitter) {
		t.tick()
		if spent := t.read.Sub(began); spent < 0 || spent >= budget || t.batch.size > roomForAdvance || t.fault != nil {
			return true
		}
	}
	return false
}

// hold is a round in which nothing is decided, because too much that was decided is
// not published yet.
func (t *tenure[I]) hold(ctx context.Context, more bool) error {
	if !more {
		if err := t.wait(ctx); err != nil {
			return err
		}
	}
	t.tick()
	if err := t.append(ctx); err != nil { // It may be that only the log does not know yet.
		return err
	}
	return t.confirmTail(ctx)
}

// tick reads the clock. Within a tenure the time of events never goes back.
func (t *tenure[I]) tick() {
	t.read = t.Now()
	t.clock.Now = max(t.clock.Now, t.read.UnixMilli())
}

// now is what a decision may know of time, and of where its events are to stand.
func (t *tenure[I]) now() events.Clock {
	now := t.clock
	now.Batch = t.reader.next
	return now
}

func (t *tenure[I]) decide(ctx context.Context, in *events.Input[I]) error {
	t.core.Decide(*in, t.now(), t.emitter)
	t.positions.Set(in.Topic, in.Partition, in.Offset+1)
	t.unwritten++
	if t.batch.size < fullBatch {
		return nil
	}
	return t.append(ctx)
}

// emit gives an event its place, applies and encodes it.
func (t *tenure[I]) emit(m proto.Message) {
	if t.fault != nil {
		return
	}
	i := len(t.batch.logged)
	l := events.Logged{
		Offset:  t.reader.next + int64(i),
		Epoch:   t.last.Epoch,
		N:       t.reader.n + uint32(i),
		Type:    events.TypeOf(m),
		Message: m,
	}
	if l.Type == "" {
		t.fault = fmt.Errorf("emit %T: not a message of Spanway's wire", m)
		return
	}
	if t.fault = t.batch.add(l, t.clock.Now); t.fault == nil {
		t.apply(l)
	}
}

// append writes what was emitted, if anything was, and publishes it once it
// counts.
func (t *tenure[I]) append(ctx context.Context) error {
	if t.noteDue() {
		t.emitPublished()
	}
	switch {
	case t.fault != nil:
		return t.fault
	case len(t.batch.logged) == 0:
		return nil
	case t.batch.size > maxBatch:
		return fmt.Errorf("append at %d: one decision made %d bytes of events; at most %d fit a batch",
			t.reader.next, t.batch.size, maxBatch)
	}
	h := Header{At: t.reader.next, Prev: t.reader.judge.History, Epoch: t.last.Epoch}
	records := t.batch.seal(&h, t.positions)
	base, err := t.Log.Append(ctx, records)
	switch {
	case IsRefused(err):
		return fmt.Errorf("append at %d: %w", h.At, err)
	case err != nil:
		// It may have counted, or may count yet: only a new claim ends that.
		return &abandoned{fmt.Errorf("append at %d: %w", h.At, err)}
	case base == h.At:
		t.reader.accept(h, t.positions)
	default:
		if err := t.settle(ctx, h, base); err != nil {
			return err
		}
	}
	return t.counted(ctx, h)
}

// counted acts on a batch that counts.
func (t *tenure[I]) counted(ctx context.Context, h Header) error {
	t.last, t.progressed, t.quiet = h, true, false
	t.writtenAt, t.unwritten = t.clock.Now, 0
	if t.Hooks.Appended != nil {
		t.Hooks.Appended(len(t.batch.logged), t.batch.size)
	}
	if t.Hooks.Counted != nil {
		t.Hooks.Counted(t.core, t.batch.logged)
	}
	t.grow(len(t.batch.logged), t.batch.size)
	for i := range t.batch.logged {
		at := t.batch.spans[i].timestamp
		t.published.fold(t.batch.logged[i], at, t.batch.spans[i].size())
		if err := t.publishInTurn(ctx, t.batch.logged[i], at); err != nil {
			return err
		}
	}
	t.batch.reset()
	return nil
}

// errMoved says that a batch counts, but not where it was decided to be.
var errMoved = errors.New("the batch does not count where it was decided to stand")

// settle finds out what became of a batch that was acknowledged at another
// offset than the expected one: own repeats, leftovers of an older owner, or a
// newer claim.
func (t *tenure[I]) settle(ctx context.Context, h Header, base int64) error {
	if base < h.At {
		return &abandoned{&LostError{Expected: h.At, Found: base}}
	}
	first := int64(-1)
	err := t.readThrough(ctx, base+int64(h.Records), func(l events.Logged, _ *events.Record) {
		if first < 0 {
			first = l.Offset
		}
	})
	switch {
	case err != nil:
		return err
	case t.reader.judge.Claim != t.claim:
		return fmt.Errorf("append at %d: %w", h.At, ErrDisowned)
	case first != h.At || t.reader.judge.History != h.Hash:
		// The core knows its events at other offsets than all who fold the log.
		return &abandoned{fmt.Errorf("append at %d, acknowledged at %d: %w", h.At, base, errMoved)}
	}
	return nil
}
