package store

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
)

// metrics are the store's instruments. Spaces are never attributes: their number has no
// bound.
type metrics struct {
	tries, conflicts, exhausted, failures, raises, returns, foreign metric.Int64Counter
	duration, calls                                                 metric.Float64Histogram
	circuit                                                         atomic.Int64
	settings                                                        atomic.Pointer[map[string]bool]
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	maker := instruments.On(meter)
	m := &metrics{
		tries: maker.Counter(instruments.StoreAttempts), conflicts: maker.Counter(instruments.StoreConflicts),
		exhausted: maker.Counter(instruments.StoreBudgetExhausted), failures: maker.Counter(instruments.StoreFailures),
		raises: maker.Counter(instruments.StoreRaised), returns: maker.Counter(instruments.StoreReturned),
		foreign:  maker.Counter(instruments.StoreReplaced),
		duration: maker.Histogram(instruments.StoreDuration),
		calls:    maker.Histogram(instruments.StoreCalls),
	}
	m.observe(maker)
	return m, maker.Err()
}

func (m *metrics) observe(maker *instruments.Maker) {
	circuit, unsafe := maker.Gauge(instruments.StoreCircuitOpen), maker.Gauge(instruments.StoreUnsafe)
	maker.Observe(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(circuit, m.circuit.Load())
		if found := m.settings.Load(); found != nil {
			for setting := range *found {
				o.ObserveInt64(unsafe, 1, metric.WithAttributes(attribute.String("setting", setting)))
			}
		}
		return nil
	}, circuit, unsafe)
}

func (m *metrics) tried(ctx context.Context)           { m.tries.Add(ctx, 1) }
func (m *metrics) conflict(ctx context.Context)        { m.conflicts.Add(ctx, 1) }
func (m *metrics) budgetExhausted(ctx context.Context) { m.exhausted.Add(ctx, 1) }
func (m *metrics) replaced(ctx context.Context)        { m.foreign.Add(ctx, 1) }
func (m *metrics) raised(ctx context.Context)          { m.raises.Add(ctx, 1) }

func (m *metrics) failed(ctx context.Context, reason string) {
	m.failures.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", reason)))
}

func (m *metrics) returned(ctx context.Context, ranges int) { m.returns.Add(ctx, int64(ranges)) }

func (m *metrics) changed(ctx context.Context, took time.Duration) {
	m.duration.Record(ctx, took.Seconds())
}

func (m *metrics) open(open bool) {
	n := int64(0)
	if open {
		n = 1
	}
	m.circuit.Store(n)
}

func (m *metrics) unsafe(settings map[string]bool) { m.settings.Store(&settings) }
