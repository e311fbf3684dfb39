package eventlog

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Reader reads a log and judges it. It is not for concurrent use.
type Reader struct {
	log       Log
	topic     string
	partition int32

	// OnSkip, if set, is told what does not count. It must not keep the records.
	OnSkip func(why Skip, records []events.Record)

	// shared: the log has many writers, and each record is a call.
	shared bool
	called events.Called // of the newest one
	known  Known
	hashed []byte // room for what is hashed of a record

	judge Judge
	// counted is the header of the newest batch that counts, and where it stands.
	counted   Header
	countedAt int64
	ended     loss // the last event before the newest claim
	assembler assembler
	positions Positions
	n         uint32 // the number of the next event in its epoch
	next, end int64
	visit     Visit // during take only
}

// NewReader returns a reader that begins at offset 0.
func NewReader(log Log, topic string, partition int32) *Reader {
	return &Reader{log: log, topic: topic, partition: partition}
}

// NewReaderAt returns a reader that begins at an offset, to look at what is
// there. It judges nothing before the first batch that landed where its writer
// expected, and its fold lacks all that came before.
func NewReaderAt(log Log, topic string, partition int32, from int64) *Reader {
	r := NewReader(log, topic, partition)
	r.next, r.judge.Unanchored = from, from > 0
	return r
}

// NewReaderFrom returns a reader that goes on from a snapshot: it judges as one
// that has read everything before it.
func NewReaderFrom(log Log, m *events.LogSnapshot) (*Reader, error) {
	r := readerOf(log, m)
	var err error
	if r.judge, err = judgeOf(m); err == nil {
		r.positions, err = ParsePositions([]byte(m.Inputs))
	}
	if err != nil {
		return nil, fmt.Errorf("begin %s/%d at the snapshot at %d: %w", m.Topic, m.Partition, m.Offset, err)
	}
	r.next, r.n = m.Offset, m.Number
	return r, nil
}

// Poll reads one page, which it waits for at most that long, and visits what
// counts.
func (r *Reader) Poll(ctx context.Context, wait time.Duration, visit Visit) error {
	page, err := r.log.Fetch(ctx, r.next, wait)
	if err != nil {
		return fmt.Errorf("read %s/%d at %d: %w", r.topic, r.partition, r.next, err)
	}
	r.take(page, visit)
	return nil
}

// pollTo judges one page, but nothing from an offset on.
func (r *Reader) pollTo(ctx context.Context, end int64) error {
	page, err := r.log.Fetch(ctx, r.next, longPoll)
	if err != nil {
		return fmt.Errorf("read %s/%d at %d: %w", r.topic, r.partition, r.next, err)
	}
	for i := range page.Records {
		if page.Records[i].Offset >= end {
			page.Records, page.Next = page.Records[:i], end
			break
		}
	}
	r.take(page, nil)
	return nil
}

// Barrier visits everything that was in the log when it was called. If the log loses
// its tail meanwhile, that is what is left.
func (r *Reader) Barrier(ctx context.Context, visit Visit) error {
	if err := r.Poll(ctx, 0, visit); err != nil {
		return err
	}
	// The first answer came after the call began, so its end is late enough.
	for end := r.end; r.next < end; {
		err := r.Poll(ctx, longPoll, visit)
		if err == nil && r.end < end {
			end, err = Reachable(ctx, r.log, end)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Reachable is end, or where the log ends by now, if what was before end is lost. It is
// for a read up to an end that was once seen: where a page ends below that, what is
// read for may never be there again. A new leader may show less than it has for a
// while; but it knows what it lacks.
func Reachable(ctx context.Context, log Log, end int64) (int64, error) {
	_, err := log.Fetch(ctx, end, 0)
	_, now, outside := OutOfRange(err)
	switch {
	case outside:
		return min(end, now), nil
	case err != nil:
		return end, fmt.Errorf("ask whether the log reaches %d: %w", end, err)
	}
	return end, nil
}

const (
	// longPoll is how long a fetch waits where something is known to come, and idlePoll
	// where nothing is: what comes ends the wait, and each fetch costs an idle process
	// and its broker something.
	longPoll = 500 * time.Millisecond
	idlePoll = 2 * time.Second
)

// Position is the offset below which everything was judged.
func (r *Reader) Position() int64 {
	if len(r.assembler.pending) > 0 {
		return r.assembler.pending[0].Offset
	}
	return r.next
}

// Next is the offset that is read next: beyond Position if a batch is incomplete.
func (r *Reader) Next() int64 { return r.next }

// End is where the log ended at the last Poll.
func (r *Reader) End() int64 { return r.end }

// Judge returns the state of the chain at Position.
func (r *Reader) Judge() Judge { return r.judge }

// Inputs returns the input positions of the last batch that counts.
func (r *Reader) Inputs() Positions { return append(Positions(nil), r.positions...) }

// take judges a page.
func (r *Reader) take(page events.Page, visit Visit) {
	r.visit = visit
	for i := range page.Records {
		switch {
		case page.Records[i].Offset < r.next:
		case r.shared:
			r.call(page.Records[i : i+1])
		default:
			r.assembler.add(&page.Records[i], r.batch, r.skip)
		}
	}
	r.visit = nil
	r.next, r.end = max(r.next, page.Next), page.End
}

// accept takes a batch of which is known, without reading it, that it counts
// and landed at the next offset, with its input positions.
func (r *Reader) accept(h Header, positions Positions) {
	r.assembler.drop(r.skip)
	r.judge.History = h.Hash
	r.counted, r.countedAt = h, h.At
	r.positions = append(r.positions[:0], positions...)
	r.n += h.Records
	r.next = h.At + int64(h.Records)
	r.end = r.next
}

func (r *Reader) skip(why Skip, records []events.Record) {
	if r.OnSkip != nil {
		r.OnSkip(why, records)
	}
}

func (r *Reader) batch(h Header, records []events.Record) {
	unanchored, epoch := r.judge.Unanchored, r.judge.Epoch
	if why := r.judge.Batch(h, records); why != Counts {
		r.skip(why, records)
		return
	}
	r.counted, r.countedAt = h, records[0].Offset
	switch {
	case unanchored:
		r.n = numberIn(&records[0])
	case r.judge.Epoch != epoch:
		r.ended = loss{epoch: epoch, n: lastNumber(r.n)}
		r.n = 0
	}
	if v, ok := records[0].Header(events.HeaderInputs); ok {
		if p, err := ParsePositions(v); err == nil {
			r.positions = p
		}
	}
	for i := range records {
		r.event(&records[i])
	}
}

func (r *Reader) event(rec *events.Record) {
	l := events.Logged{Offset: rec.Offset, Epoch: r.judge.Epoch, N: r.n, Type: events.TypeOfRecord(rec)}
	r.n++
	if r.visit == nil {
		return
	}
	if rec.Value != nil {
		if m, err := events.Message(rec); err == nil {
			l.Message = m
		}
	}
	r.visit(l, rec)
}

// numberIn reads the running number from an event's ID, where what came before
// was not counted.
func numberIn(r *events.Record) uint32 {
	id, _ := r.Header(events.HeaderID)
	n, err := strconv.ParseUint(string(id[strings.LastIndexByte(string(id), '/')+1:]), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
