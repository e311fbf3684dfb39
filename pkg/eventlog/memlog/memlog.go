// Package memlog is an owned or shared log's partition in memory, for tests and
// for the simulation. It passes the contract suite of eventlogtest, so what is
// true on it is true on a broker as far as that suite goes.
//
// It owns its records: what is appended is copied, what is fetched is shared and
// read-only. It is safe for concurrent use.
package memlog

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Log is one partition.
type Log struct {
	// PageRecords bounds the records of a page; 0: 10,000. Set it before use.
	PageRecords int

	mu      sync.Mutex
	records []events.Record
	start   int64
	next    int64
	term    int64
	grown   chan struct{} // closed and replaced when something is appended
}

// New returns an empty log.
func New() *Log { return &Log{grown: make(chan struct{})} }

// Append implements eventlog.Log. It never fails.
func (l *Log) Append(ctx context.Context, batch []events.Record) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	base := l.next
	for i := range batch {
		r := clone(&batch[i])
		r.Offset = l.next
		l.records = append(l.records, r)
		l.next++
	}
	l.wake()
	return base, nil
}

// Fetch implements eventlog.Log.
func (l *Log) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if wait <= 0 {
		page, _, err := l.page(ctx, from)
		return page, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		page, grown, err := l.page(ctx, from)
		if err != nil || page.Next > from {
			return page, err
		}
		select {
		case <-grown:
		case <-timer.C:
			return page, nil
		case <-ctx.Done():
			return events.Page{}, ctx.Err()
		}
	}
}

func (l *Log) page(ctx context.Context, from int64) (events.Page, <-chan struct{}, error) {
	if err := ctx.Err(); err != nil {
		return events.Page{}, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if from < l.start || from > l.next {
		return events.Page{}, nil, &eventlog.OutOfRangeError{From: from, Start: l.start, End: l.next}
	}
	first := l.find(from)
	last := min(len(l.records), first+l.pageRecords())
	page := events.Page{Records: l.records[first:last:last], Next: l.next, Start: l.start, End: l.next, Term: l.term}
	if last < len(l.records) {
		page.Next = l.records[last].Offset
	}
	return page, l.grown, nil
}

// find returns the index of the first record at or after an offset.
func (l *Log) find(offset int64) int {
	lo, hi := 0, len(l.records)
	for lo < hi {
		if mid := (lo + hi) / 2; l.records[mid].Offset < offset {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (l *Log) pageRecords() int {
	if l.PageRecords > 0 {
		return l.PageRecords
	}
	return 10_000
}

// Skip leaves n offsets without records, as control batches and compaction do.
func (l *Log) Skip(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next += n
	l.wake()
}

// Lose forgets everything from an offset on, as an unclean leader election does.
func (l *Log) Lose(from int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.term++
	if from < l.next {
		l.records = append([]events.Record(nil), l.records[:l.find(from)]...)
		l.next = max(from, l.start)
	}
}

// Truncate forgets everything below an offset.
func (l *Log) Truncate(before int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before > l.start && before <= l.next {
		l.records, l.start = l.records[l.find(before):], before
	}
}

// Records returns all that is held, shared and read-only.
func (l *Log) Records() []events.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records[:len(l.records):len(l.records)]
}

// End is the offset that the next record will get.
func (l *Log) End() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}

func (l *Log) wake() {
	close(l.grown)
	l.grown = make(chan struct{})
}

func clone(r *events.Record) events.Record {
	c := events.Record{Timestamp: r.Timestamp, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)}
	c.Headers = make([]events.Header, len(r.Headers))
	for i, h := range r.Headers {
		c.Headers[i] = events.Header{Key: h.Key, Value: bytes.Clone(h.Value)}
	}
	return c
}
