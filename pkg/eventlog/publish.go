package eventlog

import (
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
	// through: the log says that everything caused below it was published.
	through int64
	// sent is the offset of the newest event that was sent to the outbox.
	sent int64
	// open are the events of the fold at or after through.
	open []openEvent
}

type openEvent struct {
	events.Logged
	timestamp int64
}

// fold notes what a predecessor may not have published.
func (p *publishing) fold(l events.Logged, r *events.Record) {
	switch m := l.Message.(type) {
	case nil, *events.LogClaimed:
	case *events.LogPublished:
		p.through = max(p.through, m.Through)
		n := 0
		for n < len(p.open) && p.open[n].Offset < p.through {
			n++
		}
		p.open = p.open[n:]
	default:
		p.open = append(p.open, openEvent{l, r.Timestamp})
	}
}

// moved tells whether more has been published than the log knows, so much more
// that a successor should not have to look through it. Where nothing was sent
// the log moves by the notes themselves, and needs none.
func (p *publishing) moved(outbox Outbox, limit int64) bool {
	if p.sent < p.through && limit-p.through < noteAfterInputs {
		return false
	}
	return outbox.Through(limit) > p.through
}

// republish sends again, in order, what no LogPublished covers; receivers drop
// what they have.
func (t *tenure) republish() error {
	open := t.published.open
	t.published.open = nil
	for i := range open {
		if err := t.publish(open[i].Logged, open[i].timestamp); err != nil {
			return err
		}
	}
	return nil
}

// publish sends what an event that counts causes.
func (t *tenure) publish(l events.Logged, timestamp int64) error {
	if l.Type == events.TypeLogPublished {
		return nil
	}
	out, ok := t.core.Publish(l)
	if !ok {
		return nil
	}
	record, err := t.outgoing(l, out, timestamp)
	if err != nil {
		return err
	}
	t.published.sent = l.Offset
	t.Outbox.Send(l.Offset, out.Topic, out.Partition, record)
	return nil
}

func (t *tenure) outgoing(l events.Logged, out events.Outgoing, timestamp int64) (events.Record, error) {
	if out.Raw != nil {
		return *out.Raw, nil
	}
	id := t.eventID(l)
	record, err := t.Encoder.EncodeCopy(id, out.Message, out.Headers...)
	if err != nil {
		return record, fmt.Errorf("publish event %s to %s/%d: %w", id, out.Topic, out.Partition, err)
	}
	record.Key, record.Timestamp = out.Key, timestamp
	return record, nil
}

// eventID names an event of this log.
func (t *tenure) eventID(l events.Logged) string {
	var room [128]byte // more than most take
	b := append(append(room[:0], t.Topic...), '/')
	b = append(strconv.AppendInt(b, int64(t.Partition), 10), '/')
	b = append(strconv.AppendUint(b, uint64(l.Epoch), 10), '/')
	return string(strconv.AppendUint(b, uint64(l.N), 10))
}

// noteDue tells whether to write a LogPublished: with other events when there
// is any news, in a batch of its own only after a while.
func (t *tenure) noteDue() bool {
	since := t.clock.Now - t.writtenAt
	if len(t.batch.logged) > 0 {
		return t.published.moved(t.Outbox, t.reader.next)
	}
	return t.unwritten >= noteAfterInputs || t.unwritten > 0 && since >= noteAfter ||
		since >= noteAfterIdle && t.published.moved(t.Outbox, t.reader.next)
}

// emitPublished writes down how far publishing came; the batch it is in also
// carries the input positions.
func (t *tenure) emitPublished() {
	t.published.through = max(t.published.through, t.Outbox.Through(t.reader.next))
	t.emit(&events.LogPublished{Through: t.published.through, AtMs: t.clock.Now})
}
