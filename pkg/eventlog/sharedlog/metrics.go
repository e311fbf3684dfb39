package sharedlog

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/pkg/events"
)

// metrics are what a host counts. The meter asks for the counts now and then, so that a
// call costs no more than an addition.
type metrics struct {
	where    attribute.Set
	accepted atomic.Int64 // most verdicts are that

	mu       sync.Mutex
	verdicts map[events.Code]int64 // the refusals
	skips    map[string]int64      // by reason
	counts

	unregister func() // nil if it is not registered
}

// counts are those without a label of their own.
type counts struct{ copies, early, refusals, repeats int64 }

// Verdicts are counted under this name if they are accepted.
const accepted = "ACCEPTED"

func newMetrics(topic string, partition int32) *metrics {
	return &metrics{
		where: attribute.NewSet(
			attribute.String("messaging.destination.name", topic),
			attribute.String("messaging.destination.partition.id", strconv.Itoa(int(partition)))),
		verdicts: map[events.Code]int64{}, skips: map[string]int64{},
	}
}

// register lets a meter ask; progress tells what is to be done.
func (m *metrics) register(meter metric.Meter, progress func() load) error {
	maker := instruments.On(meter)
	decided, copies, early := maker.Observed(instruments.SharedCalls), maker.Observed(instruments.SharedCopies), maker.Observed(instruments.SharedPremature)
	skips, repeats, refusals := maker.Observed(instruments.LogSkipped), maker.Observed(instruments.SharedRepeats), maker.Observed(instruments.SharedRefused)
	waiting, lag := maker.Gauge(instruments.SharedWaiting), maker.Gauge(instruments.SharedLag)
	age := maker.Float(instruments.SharedLagAge)
	m.unregister = maker.Observe(func(_ context.Context, o metric.Observer) error {
		is := progress()
		m.mu.Lock()
		defer m.mu.Unlock()
		where := metric.WithAttributeSet(m.where)
		o.ObserveInt64(decided, m.accepted.Load(), where, metric.WithAttributes(attribute.String("verdict", accepted)))
		for code, n := range m.verdicts {
			o.ObserveInt64(decided, n, where, metric.WithAttributes(attribute.String("verdict", string(code))))
		}
		for why, n := range m.skips {
			o.ObserveInt64(skips, n, where, metric.WithAttributes(attribute.String("reason", why)))
		}
		o.ObserveInt64(copies, m.copies, where)
		o.ObserveInt64(early, m.early, where)
		o.ObserveInt64(repeats, m.repeats, where)
		o.ObserveInt64(refusals, m.refusals, where)
		o.ObserveInt64(waiting, is.waiting, where)
		o.ObserveInt64(lag, is.lag, where)
		o.ObserveFloat64(age, is.age.Seconds(), where)
		return nil
	}, decided, copies, early, skips, repeats, refusals, waiting, lag, age)
	return maker.Err()
}

// end takes the counts from the meter.
func (m *metrics) end() {
	if m.unregister != nil {
		m.unregister()
	}
}

func (m *metrics) decided(v Verdict) {
	if v.Accepted() {
		m.accepted.Add(1)
		return
	}
	m.mu.Lock()
	m.verdicts[v.Code]++
	m.mu.Unlock()
}

func (m *metrics) add(n *int64, more int) {
	m.mu.Lock()
	*n += int64(more)
	m.mu.Unlock()
}

func (m *metrics) copied()     { m.add(&m.copies, 1) }
func (m *metrics) premature()  { m.add(&m.early, 1) }
func (m *metrics) refused()    { m.add(&m.refusals, 1) }
func (m *metrics) again(n int) { m.add(&m.repeats, n) }

func (m *metrics) skipped(why string, n int) {
	m.mu.Lock()
	m.skips[why] += int64(n)
	m.mu.Unlock()
}
