package mirrored

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Placed is a log that knows where it stands. Only such a log can be a copy.
type Placed interface {
	eventlog.Log
	// Place names the log's partition, with the ID of its cluster.
	Place(ctx context.Context) (events.ClusterPartition, error)
	// Strangers is told how many records of a copy do not count, because they are not
	// of the log that it is a copy of.
	Strangers(n int)
}

// Of returns a log as it was written: if it is a copy, with the offsets of the log that it
// is a copy of, and read-only; else as it is. Whether it is one is found out when the
// log is first used, or later if it is empty. A log that does not know its place is
// returned as it is.
func Of(log eventlog.Log) eventlog.Log {
	p, ok := log.(Placed)
	if !ok {
		return log
	}
	return &Log{raw: p}
}

// Log is a log that may be a copy. It is as safe for concurrent use as what is beneath it.
type Log struct {
	raw Placed
	// own: it is no copy.
	own atomic.Bool
	// silent is the last page of a log that is empty; nil if it is to be found out.
	silent atomic.Pointer[events.Page]

	mu   sync.Mutex
	copy *copied // nil: it is not known to be one
	seen *view   // nil: it is to be found out
	// counted is the offset of the copy below which strangers were told of.
	counted int64
	views   int64
}

// copied is what is known of a log that is a copy: it does not change.
type copied struct {
	at, of events.ClusterPartition
}

// Append implements eventlog.Log. Its error is a *eventlog.ReadOnlyError if the log is a
// copy.
func (l *Log) Append(ctx context.Context, batch []events.Record) (base int64, err error) {
	if err := l.Writable(ctx); err != nil {
		return 0, err
	}
	return l.raw.Append(ctx, batch)
}

// Writable returns a *eventlog.ReadOnlyError if the log is a copy.
func (l *Log) Writable(ctx context.Context) error {
	c, err := l.find(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("find out whether the log is a copy: %w", err)
	case c != nil:
		return &eventlog.ReadOnlyError{Topic: c.at.Topic, Partition: c.at.Partition, Of: c.of}
	}
	return nil
}

// Fetch implements eventlog.Log. Of a copy it returns what counts, as it was written and at
// the offsets at which it was written: the page's Start, Next and End are such, too.
func (l *Log) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	for !l.own.Load() {
		before := l.silent.Load()
		known := before != nil && before.Next == from
		if !known {
			c, err := l.find(ctx)
			switch {
			case err != nil:
				return events.Page{}, fmt.Errorf("find out whether the log is a copy: %w", err)
			case c != nil:
				return l.fetch(ctx, c, from, wait)
			}
		}
		// It is empty, or it was until now.
		page, err := l.raw.Fetch(ctx, from, wait)
		silent := err == nil && len(page.Records) == 0
		switch {
		case silent && (!known || same(before, &page)):
			l.silent.Store(&page)
			return page, nil
		case err != nil && !(known && eventlog.IsOutOfRange(err)): // Which may be to be told in other offsets by now.
			return page, err
		}
		l.silent.Store(nil)
	}
	return l.raw.Fetch(ctx, from, wait)
}

// same says that a page without records shows the same log as another one: whoever waits
// at the end of an empty log need not find out again what it is.
func same(a, b *events.Page) bool {
	return a.Next == b.Next && a.Start == b.Start && a.End == b.End && a.Term == b.Term
}

// find finds out whether the log is a copy: its first record tells. It is nil if it is
// not, or if the log is empty.
func (l *Log) find(ctx context.Context) (*copied, error) {
	if l.own.Load() {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.copy != nil {
		return l.copy, nil
	}
	first, err := l.first(ctx)
	if err != nil || first == nil {
		return nil, err
	}
	at, p, ok, err := l.provenance(ctx, first)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		l.own.Store(true)
		return nil, nil
	}
	l.copy = &copied{at: at, of: p.ClusterPartition}
	return l.copy, nil
}

// first is the first record of the log; nil if there is none.
func (l *Log) first(ctx context.Context) (*events.Record, error) {
	start, end, err := eventlog.Bounds(ctx, l.raw)
	if err != nil {
		return nil, err
	}
	for next := start; next < end; {
		page, err := l.raw.Fetch(ctx, next, 0)
		switch {
		case eventlog.IsOutOfRange(err): // It was truncated just now: the next caller looks again.
			return nil, nil
		case err != nil:
			return nil, err
		case len(page.Records) > 0:
			return &page.Records[0], nil
		case page.Next <= next:
			return nil, nil
		}
		next = page.Next
	}
	return nil, nil
}

// provenance is that of a record; the cluster is asked for its ID only if the record may
// be a copy.
func (l *Log) provenance(ctx context.Context, r *events.Record) (at events.ClusterPartition, p events.Provenance, ok bool, err error) {
	if _, has := r.Header(events.HeaderOrigin); !has {
		return at, p, false, nil
	}
	if at, err = l.raw.Place(ctx); err != nil {
		return at, p, false, err
	}
	p, ok = events.ProvenanceOf(r, at)
	return at, p, ok, nil
}
