package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// Item is what is to be put in.
type Item struct {
	// ID of the entry: 1 to 256 bytes of text; if it is empty Options.IDs makes one. The
	// same ID is the same entry: it is put in once.
	ID string
	// Payload is what the entry holds: 256 KiB at most, or as the queue's rules say.
	Payload []byte
	// Type of the payload, as in content-type; may be left out.
	Type string
}

// Result is what became of an item.
type Result struct {
	// Entry is where it stands: also if the queue held one with its ID already.
	Entry Entry
	Err   error
}

// Enqueue puts an item at the end, and returns its place. If the queue holds an entry with
// that ID the error is ErrDuplicate, and the entry returned is that one.
func (q *Queue) Enqueue(ctx context.Context, item Item) (Entry, error) {
	m, err := q.enqueued(ctx, item)
	if err != nil {
		return Entry{}, err
	}
	var e Entry
	err = q.callAndLook(ctx, enqueues(m.Id), m,
		func(_ *order.Queue, offset int64) { e = entryOf(m, offset) },
		func(core *order.Queue, r *Refused) { e = explainEnqueue(core, m, r) })
	return e, err
}

// Start puts an item in and does not wait: done is told of it, once, from a goroutine of the
// queue, and must be quick. Many are sent together. It blocks, no longer than ctx, while too
// many are on their way; if its error is not nil done is not called.
func (q *Queue) Start(ctx context.Context, item Item, done func(Result)) error {
	m, err := q.enqueued(ctx, item)
	if err != nil {
		return err
	}
	_, err = q.host.Start(ctx, m, func(core sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict, err error) {
		var r Result
		var refused *Refused
		switch {
		case err != nil:
		case v.Accepted():
			r.Entry = entryOf(m, v.Offset)
		default:
			refused = &Refused{Queue: q.name, What: enqueues(m.Id), Code: v.Code, Creation: q.creation}
			r.Entry = explainEnqueue(core.(*order.Queue), m, refused)
		}
		if err != nil || refused != nil {
			r.Err = of(m.Id, q.outcome(enqueues(m.Id), err, refused))
		}
		done(r)
	})
	if err != nil {
		return q.outcome(enqueues(m.Id), err, nil)
	}
	return nil
}

// EnqueueAll puts items in, many at once and in their order, and returns what became of
// each. If ctx ends before that is known the error says so; then those items that have no
// place and no error in the results may be put in all the same: enqueue them again.
func (q *Queue) EnqueueAll(ctx context.Context, items []Item) ([]Result, error) {
	results := make([]Result, len(items))
	type outcome struct {
		at int
		r  Result
	}
	outcomes := make(chan outcome, len(items)) // Room for all: done never waits.
	started := 0
	for i, item := range items {
		if err := q.Start(ctx, item, func(r Result) { outcomes <- outcome{i, r} }); err != nil {
			results[i].Err = err
			if ctx.Err() != nil {
				break
			}
			continue
		}
		started++
	}
	for n := range started {
		select {
		case o := <-outcomes:
			results[o.at] = o.r
		case <-ctx.Done():
			return results, fmt.Errorf("enqueue %d items: queue %s: the outcome of %d is not known: %w", len(items), q.name, started-n, ctx.Err())
		}
	}
	if err := ctx.Err(); err != nil && started < len(items) {
		return results, fmt.Errorf("enqueue %d items: queue %s: %w", len(items), q.name, err)
	}
	return results, nil
}

func enqueues(id string) string { return fmt.Sprintf("enqueue %.99q", id) }

func entryOf(m *events.QueueEnqueued, offset int64) Entry {
	return Entry{ID: m.Id, Seq: offset, Size: int64(len(m.Payload))}
}

// enqueued is the message of an item. What no queue takes is refused here.
func (q *Queue) enqueued(ctx context.Context, item Item) (*events.QueueEnqueued, error) {
	if item.ID == "" {
		id, err := q.options.IDs.NewID(ctx)
		if err != nil {
			return nil, fmt.Errorf("enqueue: queue %s: make an ID: %w", q.name, err)
		}
		item.ID = id
	}
	refuse := func(code events.Code, detail string) error {
		return &Refused{Queue: q.name, What: enqueues(item.ID), ID: item.ID, Code: code, Detail: detail}
	}
	if err := events.CheckID("the ID", item.ID); err != nil {
		return nil, refuse(events.CodeBadEntryID, why(err))
	}
	if err := events.CheckOptionalID("the type of the payload", item.Type); err != nil {
		return nil, refuse(events.CodeBadData, why(err))
	}
	if len(item.Payload) > order.MaxEntryBytes {
		return nil, refuse(events.CodeTooLarge, fmt.Sprintf("the payload has %d bytes; at most %d are allowed", len(item.Payload), order.MaxEntryBytes))
	}
	now := q.now()
	if made, ok := order.TimeOf(item.ID); ok && made > now+day.Milliseconds() {
		return nil, refuse(events.CodeBadEntryID, "the time in the UUID is more than a day ahead of this host's; others would be refused as too old")
	}
	return &events.QueueEnqueued{Id: item.ID, Payload: item.Payload, PayloadType: item.Type, Creation: q.creation, AtMs: now}, nil
}

// why is why something was refused, without the code.
func why(err error) string {
	var bad *events.Malformed
	if errors.As(err, &bad) {
		return bad.Message
	}
	return err.Error()
}

const day = 24 * time.Hour

// explainEnqueue adds to a refusal what the queue knows, and returns the entry in the way.
func explainEnqueue(core *order.Queue, m *events.QueueEnqueued, r *Refused) Entry {
	rules := core.Rules()
	switch r.Code {
	case events.CodeDuplicateEntry:
		if e, state := core.Find(m.Id); state == order.Held {
			r.Entry, r.Detail = &e, fmt.Sprintf("the queue holds an entry with that ID, at %d", e.Seq)
			return e
		}
	case events.CodeQueueFull:
		if size := int64(len(m.Id) + len(m.Payload)); size > rules.MaxBytes {
			r.Detail = fmt.Sprintf("it has no room for one entry of %d bytes, with its ID, also if it is empty: it may hold %d", size, rules.MaxBytes)
			break
		}
		n := core.Counts()
		r.Detail = fmt.Sprintf("it is full: %d of %d entries, %d of %d bytes", n.Entries, rules.MaxEntries, n.Bytes, rules.MaxBytes)
	case events.CodeOldTerm, events.CodeOutOfSequence:
		r.Detail = sequenceNow(core)
	case events.CodeTooLarge:
		r.Detail = fmt.Sprintf("its payloads may have %d bytes", rules.MaxEntryBytes)
	}
	return Entry{}
}

// sequenceNow says where the sequence of a queue is.
func sequenceNow(core *order.Queue) string {
	last, next := core.Last()
	switch {
	case next == 0:
		return fmt.Sprintf("the last entry was %s, and no number is left", last)
	case last == Sequence{}:
		return fmt.Sprintf("no entry was put in yet, and the next number is %d", next)
	}
	return fmt.Sprintf("the last entry was %s, and the next number is %d, under term %d or a higher one", last, next, last.Term)
}

// now is the time of day, for people: no decision rests on it.
func (q *Queue) now() int64 { return time.Now().UnixMilli() }
