package copying

import (
	"context"
	"sync"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Limiter bounds what the copies of one link append in a second, all together. Records flow
// smoothly: what is appended at once is about a tenth of that. It is safe for concurrent
// use; nil limits nothing.
type Limiter struct {
	turn chan struct{} // holds one while a batch waits

	mu             sync.Mutex
	bytes, records bucket
	changed        chan struct{} // closed when a limit changes
}

// NewLimiter makes a limiter; 0 is no limit.
func NewLimiter(bytesPerSecond, recordsPerSecond int64) *Limiter {
	l := &Limiter{turn: make(chan struct{}, 1), changed: make(chan struct{})}
	l.Set(bytesPerSecond, recordsPerSecond)
	return l
}

// Set changes the limits, at once, also for what waits.
func (l *Limiter) Set(bytesPerSecond, recordsPerSecond int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	bytes, records := max(0, float64(bytesPerSecond)), max(0, float64(recordsPerSecond))
	if bytes == l.bytes.rate && records == l.records.rate {
		return
	}
	now := time.Now()
	l.bytes.set(bytes, now)
	l.records.set(records, now)
	close(l.changed)
	l.changed = make(chan struct{})
}

// free says that nothing is limited.
func (l *Limiter) free() bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes.rate == 0 && l.records.rate == 0
}

// take waits until some of a batch may be appended, and tells how many of its first records
// that is; 0 when ctx ends.
func (l *Limiter) take(ctx context.Context, batch []events.Record) (n int) {
	if l.free() {
		return len(batch)
	}
	select {
	case l.turn <- struct{}{}: // One at a time, in the order in which they came.
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return 0
	}
	for {
		n, wait, changed := l.try(batch, time.Now())
		if n > 0 {
			return n
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return 0
		}
	}
}

// try takes what may be appended now; if that is nothing, it tells how long that will be so
// unless a limit changes.
func (l *Limiter) try(batch []events.Record, now time.Time) (n int, wait time.Duration, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait = max(l.records.wait(now), l.bytes.wait(now)); wait > 0 {
		return 0, wait, l.changed
	}
	most, mostBytes, bytes := l.records.portion(), l.bytes.portion(), 0.0
	for n < len(batch) && float64(n) < most {
		size := float64(batch[n].Size())
		if n > 0 && bytes+size > mostBytes {
			break
		}
		n, bytes = n+1, bytes+size
	}
	l.records.level -= float64(n)
	l.bytes.level -= bytes
	return n, 0, nil
}

// size is the size of a batch in bytes, uncompressed.
func size(batch []events.Record) (n int) {
	for i := range batch {
		n += batch[i].Size()
	}
	return n
}
