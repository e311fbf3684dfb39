package queue

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/pkg/queue/order"
)

// maxMeasured bounds the queues that are measured one by one.
const maxMeasured = 100

// hosts notes the host of a queue, or with nil that there is none.
func (k *keeping) hosts(name string, q *Queue) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hosted[name] = (&hosted{Queue: q}); q == nil {
		delete(k.hosted, name)
	}
}

// hosted is a queue that is measured.
type hosted struct {
	*Queue

	mu sync.Mutex
	// The first entry that was read has this sequence number, and was enqueued at that
	// time of day, in milliseconds since the Unix epoch; 0 if none was read.
	seq, atMs int64
}

// age is how long ago the first entry was enqueued. Each is read from the log once; while that
// fails it is the age of the first entry that was read last.
func (h *hosted) age(ctx context.Context, first []Entry) (age time.Duration, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(first) == 0 {
		h.atMs = 0
		return 0, true
	}
	if h.atMs == 0 || h.seq != first[0].Seq {
		once := payloads{log: h.reader.log} // What it has read is not kept.
		r, err := once.record(ctx, first[0].Seq)
		if err == nil {
			h.seq, h.atMs = first[0].Seq, r.Timestamp
		} else if h.atMs == 0 {
			return 0, false
		}
	}
	return max(0, time.Since(time.UnixMilli(h.atMs))), true
}

// measured are the first queues by name.
func (k *keeping) measured() (out []*hosted) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(k.hosted)) {
		if len(out) < maxMeasured {
			out = append(out, k.hosted[name])
		}
	}
	return out
}

// looking bounds a scrape: what it cannot learn until then it does not tell.
const looking = time.Second

// measure tells how much the queues hold, until stop. One that is slow keeps nothing of the
// others back.
func (k *keeping) measure() (stop func()) {
	maker := instruments.On(k.options.Meter)
	entries, claimed := maker.Gauge(instruments.QueueEntries), maker.Gauge(instruments.QueueClaimed)
	bytes, fullness := maker.Gauge(instruments.QueueBytes), maker.Float(instruments.QueueFullness)
	age := maker.Float(instruments.QueueHeadAge)
	stop = maker.Observe(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, looking)
		defer cancel()
		var reading sync.WaitGroup
		var telling sync.Mutex
		for _, q := range k.measured() {
			reading.Go(func() {
				of := metric.WithAttributes(attribute.String("queue", q.name))
				var first []Entry
				if q.read(ctx, false, func(core *order.Queue, _ Position) {
					c, r := core.Counts(), core.Rules()
					first = core.Entries(nil, -1, 1)
					telling.Lock()
					defer telling.Unlock()
					o.ObserveInt64(entries, int64(c.Entries), of)
					o.ObserveInt64(claimed, int64(c.Claimed), of)
					o.ObserveInt64(bytes, c.Bytes, of)
					o.ObserveFloat64(fullness, max(part(int64(c.Entries), r.MaxEntries), part(c.Bytes, r.MaxBytes)), of)
				}) != nil {
					return // Of a host that has ended there is nothing to tell.
				}
				if d, ok := q.age(ctx, first); ok {
					telling.Lock()
					defer telling.Unlock()
					o.ObserveFloat64(age, d.Seconds(), of)
				}
			})
		}
		reading.Wait()
		return nil
	}, entries, claimed, bytes, fullness, age)
	if err := maker.Err(); err != nil {
		otel.Handle(err)
	}
	return stop
}

// part is how much of the most there is; 0 if that is not bounded.
func part(of, most int64) float64 {
	if most <= 0 {
		return 0
	}
	return float64(of) / float64(most)
}
