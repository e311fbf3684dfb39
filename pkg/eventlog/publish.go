package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spanway/spanway/pkg/events"
)

const (
	// noteAfterIdle is how long the log may not know of what was published.
	noteAfterIdle = 1_000
	// noteAfterInputs and noteAfter bound what a successor would read again.
	noteAfterInputs = 10_000
	noteAfter       = 10_000
)

// publishing is how far what the log's events cause has been sent elsewhere.
type publishing struct {
	own
	// sent is the offset of the newest event that was sent to the outbox.
	sent int64
	// later are the events that are still to be looked at, in their order.
	later []openEvent
	// held are the partitions that have no room.
	held []heldBack
}

const (
	// fetchesPerRound bounds what one round reads to complete messages, about 1 MiB
	// each. The rest waits for the next one: inputs and claims do not wait for it.
	fetchesPerRound = 32
	// maxLater is how many events wait before no more inputs are read.
	maxLater = 2_000
)

type openEvent struct {
	events.Logged
	timestamp int64
	size      int // about how many bytes it takes
}

// fold takes an event that counts. What a predecessor may not have published is
// kept until the log says that it was.
func (o *own) fold(l events.Logged, timestamp int64, size int) {
	switch m := l.Message.(type) {
	case nil, *events.LogClaimed, *events.LogFoldVersionRaised:
	case *events.LogPublished:
		o.through = max(o.through, min(m.Through, l.Offset)) // It can tell of nothing behind itself.
		n := 0
		for n < len(o.open) && o.open[n].Offset < o.through {
			n++
		}
		o.close(n)
	case *events.LogTruncated:
		o.truncated = max(o.truncated, min(m.Before, l.Offset))
	case *events.LogLossAccepted:
		*o = own{through: l.Offset, loss: o.loss}
	case *events.LogTailLost:
		o.loss = loss{m.SeenEpoch, m.SeenN, lossMs(m.AtMs)}
		o.keep(openEvent{l, timestamp, size})
	default:
		o.keep(openEvent{l, timestamp, size})
	}
}

func (o *own) keep(e openEvent) {
	o.open = append(o.open, e)
	o.size += int64(e.size)
}

// close forgets the oldest of what is open. Its memory is used again: where all
// is published at once, little is left to move.
func (o *own) close(n int) {
	for i := range n {
		o.size -= int64(o.open[i].size)
	}
	if left := len(o.open) - n; left > n {
		clear(o.open[:n]) // Their messages are not kept until the slice grows.
		o.open = o.open[n:]
	} else {
		copy(o.open, o.open[n:])
		clear(o.open[left:])
		o.open = o.open[:left]
	}
}

// moved tells whether more has been published than the log knows, so much more
// that a successor should not have to look through it. Where nothing was sent
// the log moves by the notes themselves, and needs none, unless what is open comes
// near to its bound: at it nothing is decided, and nothing but a note would end that.
func (p *publishing) moved(outbox Outbox, limit int64) bool {
	if p.sent < p.through && limit-p.through < noteAfterInputs && p.size <= maxOpen/2 {
		return false
	}
	return outbox.Through(limit) > p.through
}

// republish sends again, in order, what no LogPublished covers; receivers drop
// what they have.
func (t *tenure[I]) republish(ctx context.Context) error {
	for i := range t.published.open {
		e := &t.published.open[i]
		if err := t.publishInTurn(ctx, e.Logged, e.timestamp); err != nil {
			return err
		}
	}
	return nil
}

// publishInTurn publishes an event behind all that wait, in a later round if this
// one has read enough.
func (t *tenure[I]) publishInTurn(ctx context.Context, l events.Logged, timestamp int64) error {
	if len(t.published.later) > 0 || t.pages.fetched >= fetchesPerRound {
		t.published.later = append(t.published.later, openEvent{l, timestamp, 0})
		return nil
	}
	return t.publish(ctx, l, timestamp)
}

// publishRest publishes what earlier rounds left, and what was held back. It returns
// whether there is more that could be published at once.
func (t *tenure[I]) publishRest(ctx context.Context) (more bool, err error) {
	p := &t.published
	for t.pages.fetched = 0; len(p.later) > 0 && t.pages.fetched < fetchesPerRound; p.later = p.later[1:] {
		if err := t.publish(ctx, p.later[0].Logged, p.later[0].timestamp); err != nil {
			return false, err
		}
	}
	if len(p.held) > 0 {
		more, err = t.release(ctx)
	}
	return more || len(p.later) > 0, err
}

// publishedBelow is the offset below which all that events cause was given to the
// outbox.
func (t *tenure[I]) publishedBelow() int64 { return min(t.lookedBelow(), t.published.heldBelow()) }

// lookedBelow is the offset below which every event was looked at: what it causes was
// sent or is held back.
func (t *tenure[I]) lookedBelow() int64 {
	if later := t.published.later; len(later) > 0 {
		return later[0].Offset
	}
	return t.reader.next
}

// publish sends what an event that counts causes.
func (t *tenure[I]) publish(ctx context.Context, l events.Logged, timestamp int64) error {
	return t.publishSome(ctx, l, timestamp, t.taker)
}

// publishSome sends, of what an event causes, that for which sends says so. It is asked
// about all of it before anything is sent, so that records for one partition are sent
// together or not at all.
func (t *tenure[I]) publishSome(ctx context.Context, l events.Logged, timestamp int64, sends func(int64, *events.Outgoing) bool) error {
	if err := t.caused(l, timestamp); err != nil {
		return err
	}
	n := 0
	for i := range t.out {
		if !sends(l.Offset, &t.out[i]) {
			continue
		}
		if n != i {
			t.out[n] = t.out[i]
		}
		n++
	}
	for i := range n {
		if err := t.send(ctx, l, &t.out[i], timestamp); err != nil {
			return err
		}
	}
	clear(t.out)
	return nil
}

// caused makes t.out what an event causes.
func (t *tenure[I]) caused(l events.Logged, timestamp int64) error {
	t.out = t.out[:0]
	switch m := l.Message.(type) {
	case *events.LogPublished, *events.LogTruncated:
		return nil
	case *events.LogTailLost:
		return t.tellReceivers(m, timestamp)
	}
	t.core.Publish(l, t.sender)
	return t.distinct(l)
}

// errTwice says that receivers would not take all that an event causes.
var errTwice = errors.New("one event caused two messages on one partition, of which receivers take the first only; mend the core")

// distinct refuses two messages of one event on one partition.
func (t *tenure[I]) distinct(l events.Logged) error {
	for i := range t.out {
		for j := range i {
			a, b := &t.out[i], &t.out[j]
			if a.Raw == nil && b.Raw == nil && a.Partition == b.Partition && a.Topic == b.Topic {
				return fmt.Errorf("publish event %d/%d of %s/%d to %s/%d: %w", l.Epoch, l.N, t.Topic, t.Partition, a.Topic, a.Partition, errTwice)
			}
		}
	}
	return nil
}

// send sends one record that an event causes.
func (t *tenure[I]) send(ctx context.Context, l events.Logged, out *events.Outgoing, timestamp int64) error {
	err := t.complete(ctx, l, out)
	var record events.Record
	if err == nil {
		record, err = t.outgoing(l, out, timestamp)
	}
	switch {
	case errors.Is(err, errUnreadable):
		if t.Hooks.Lost != nil {
			t.Hooks.Lost(fmt.Errorf("event %d/%d of %s/%d is not published: %w", l.Epoch, l.N, t.Topic, t.Partition, err))
		}
		if out.Gone != nil {
			out.Gone()
		}
		return nil
	case err != nil:
		return fmt.Errorf("publish event %d/%d of %s/%d: %w", l.Epoch, l.N, t.Topic, t.Partition, err)
	}
	t.published.sent = max(t.published.sent, l.Offset)
	t.Outbox.Send(l.Offset, out.Topic, out.Partition, record)
	return nil
}

// errUnreadable says that a record can never be made.
var errUnreadable = errors.New("what it refers to cannot be read, or what it says cannot be written")

// complete gives an outgoing message what the core left in the log. If that is
// gone, or stands nowhere, errUnreadable says so: the message cannot be sent, and all others must not
// wait for it.
func (t *tenure[I]) complete(ctx context.Context, l events.Logged, out *events.Outgoing) error {
	if out.Missing == 0 || out.Complete == nil {
		return nil
	}
	if out.Missing < 0 || out.Missing > l.Offset {
		return fmt.Errorf("it refers to offset %d, and stands at %d itself: %w", out.Missing, l.Offset, errUnreadable)
	}
	r, err := t.pages.at(ctx, out.Missing)
	if start, _, outside := OutOfRange(err); outside && start > out.Missing {
		return errors.Join(errUnreadable, err)
	}
	if err != nil {
		return err
	}
	_, m, err := events.DecodeTrusted(r)
	if err != nil {
		return fmt.Errorf("read the event at %d: %w", out.Missing, errors.Join(errUnreadable, err))
	}
	if err := out.Complete(m); err != nil {
		return fmt.Errorf("complete with the event at %d: %w", out.Missing, errors.Join(errUnreadable, err))
	}
	return nil
}

// tellReceivers makes receivers lower their marks: after the loss of a tail the
// log goes on with numbers that they have seen.
func (t *tenure[I]) tellReceivers(m *events.LogTailLost, timestamp int64) error {
	record, err := t.Encoder.Encode("recovered", &events.LogRecovered{
		Topic: t.Topic, Partition: t.Partition, Epoch: m.Epoch, N: m.N, AtMs: lossMs(m.AtMs),
	})
	if err != nil {
		return err
	}
	record.Timestamp = timestamp
	for _, to := range t.Receivers {
		t.sender(events.Outgoing{Topic: to.Topic, Partition: to.Partition, Raw: &record})
	}
	return nil
}

func (t *tenure[I]) outgoing(l events.Logged, out *events.Outgoing, timestamp int64) (events.Record, error) {
	if out.Raw != nil {
		return *out.Raw, nil
	}
	id := t.eventID(l)
	record, err := t.Encoder.EncodeCopy(id, out.Message, out.Headers...)
	if err != nil {
		return record, fmt.Errorf("to %s/%d: %w", out.Topic, out.Partition, errors.Join(errUnreadable, err))
	}
	record.Key, record.Timestamp = out.Key, timestamp
	return record, nil
}

// eventID names an event of this log.
func (t *tenure[I]) eventID(l events.Logged) string {
	var room [128]byte // more than most take
	b := append(append(room[:0], t.Topic...), '/')
	b = append(strconv.AppendInt(b, int64(t.Partition), 10), '/')
	b = append(strconv.AppendUint(b, uint64(l.Epoch), 10), '/')
	return string(strconv.AppendUint(b, uint64(l.N), 10))
}

// noteDue tells whether to write a LogPublished: with other events when there
// is any news, in a batch of its own only after a while.
func (t *tenure[I]) noteDue() bool {
	since := t.clock.Now - t.writtenAt
	if len(t.batch.logged) > 0 {
		return t.published.moved(t.Outbox, t.publishedBelow())
	}
	return t.unwritten >= noteAfterInputs || t.unwritten > 0 && since >= noteAfter ||
		since >= noteAfterIdle && t.published.moved(t.Outbox, t.publishedBelow())
}

// emitPublished writes down how far publishing came; the batch it is in also
// carries the input positions.
func (t *tenure[I]) emitPublished() {
	t.published.through = max(t.published.through, t.Outbox.Through(t.publishedBelow()))
	t.emit(&events.LogPublished{Through: t.published.through, AtMs: t.stamp()})
}
