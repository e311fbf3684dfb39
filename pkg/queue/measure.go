package queue

import (
	"context"
	"maps"
	"slices"
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
	if k.hosted[name] = q; q == nil {
		delete(k.hosted, name)
	}
}

// measured are the first queues by name.
func (k *keeping) measured() (out []*Queue) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(k.hosted)) {
		if len(out) < maxMeasured {
			out = append(out, k.hosted[name])
		}
	}
	return out
}

// measure tells how much the queues hold, until stop.
func (k *keeping) measure() (stop func()) {
	maker := instruments.On(k.options.Meter)
	entries, claimed := maker.Gauge(instruments.QueueEntries), maker.Gauge(instruments.QueueClaimed)
	bytes, fullness := maker.Gauge(instruments.QueueBytes), maker.Float(instruments.QueueFullness)
	stop = maker.Observe(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		for _, q := range k.measured() {
			// Of a host that has ended there is nothing to tell.
			_ = q.read(ctx, false, func(core *order.Queue, _ Position) {
				of, c, r := metric.WithAttributes(attribute.String("queue", q.name)), core.Counts(), core.Rules()
				o.ObserveInt64(entries, int64(c.Entries), of)
				o.ObserveInt64(claimed, int64(c.Claimed), of)
				o.ObserveInt64(bytes, c.Bytes, of)
				o.ObserveFloat64(fullness, max(part(int64(c.Entries), r.MaxEntries), part(c.Bytes, r.MaxBytes)), of)
			})
		}
		return nil
	}, entries, claimed, bytes, fullness)
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
