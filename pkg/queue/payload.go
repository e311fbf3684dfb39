package queue

import (
	"context"
	"fmt"
	"sort"
	"sync"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Payload is what an entry holds.
type Payload struct {
	Data []byte
	// Type is as in content-type; empty if it is not known.
	Type string
	// AtMs is when the entry was enqueued by the clock of the host that did it, in
	// milliseconds since the Unix epoch.
	AtMs int64
}

// Payload reads what an entry holds from the log. The error is a *Gone if the entry was taken
// out and the log was truncated since. Entries that are read in their order cost one
// request for many.
func (q *Queue) Payload(ctx context.Context, e Entry) (Payload, error) {
	return q.reader.payload(ctx, q.name, e)
}

// payload reads what an entry of a queue holds.
func (p *payloads) payload(ctx context.Context, name string, e Entry) (Payload, error) {
	r, err := p.record(ctx, e.Seq)
	switch {
	case eventlog.IsOutOfRange(err):
		return Payload{}, &Gone{Queue: name, Entry: e, Err: err}
	case err != nil:
		return Payload{}, fmt.Errorf("read the payload of %q at %d of queue %s: %w", e.ID, e.Seq, name, err)
	}
	m, err := events.Message(&r)
	enqueued, ok := m.(*events.QueueEnqueued)
	if err != nil || !ok || enqueued.Id != e.ID {
		return Payload{}, fmt.Errorf("read the payload of %q at %d of queue %s: another record stands there; the log has lost its tail, or the entry is of another queue: list the entries again", e.ID, e.Seq, name)
	}
	return Payload{Data: enqueued.Payload, Type: enqueued.PayloadType, AtMs: enqueued.AtMs}, nil
}

// payloads reads records by their offsets, and keeps the page that it read last.
type payloads struct {
	mu   sync.Mutex
	log  eventlog.Log
	page events.Page
}

func (p *payloads) record(ctx context.Context, offset int64) (events.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 2 {
		records := p.page.Records
		i := sort.Search(len(records), func(i int) bool { return records[i].Offset >= offset })
		if i < len(records) && records[i].Offset == offset {
			return records[i], nil
		}
		page, err := p.log.Fetch(ctx, offset, 0)
		if err != nil {
			return events.Record{}, err
		}
		p.page = page
	}
	return events.Record{}, &eventlog.OutOfRangeError{From: offset, Start: p.page.Start, End: p.page.End}
}
