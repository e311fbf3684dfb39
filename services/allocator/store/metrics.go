package store

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/semconv/v1.43.0/dbconv"
)

// metrics are the store's instruments. Spaces are never attributes: their number has no
// bound.
type metrics struct {
	tries, conflicts, exhausted, failures, raises, returns, foreign metric.Int64Counter
	duration                                                        metric.Float64Histogram
	calls                                                           dbconv.ClientOperationDuration
	circuit                                                         atomic.Int64
	settings                                                        atomic.Pointer[map[string]bool]
}

const name = "spanway.allocator.store."

func newMetrics(meter metric.Meter) (*metrics, error) {
	if meter == nil {
		meter = noop.Meter{}
	}
	m := &metrics{}
	for _, c := range []struct {
		counter     *metric.Int64Counter
		name, about string
	}{
		{&m.tries, "attempts", "Changes of a space that were tried in Redis, by WATCH, MULTI and EXEC."},
		{&m.conflicts, "conflicts", "Changes that others came before, and which were tried again."},
		{&m.exhausted, "budget_exhausted", "Changes that were given up because others came before each time."},
		{&m.failures, "failures", "Changes that Redis did not answer as it should, by reason: the first word of its answer, such as OOM, else TIMEOUT, MOVING or UNREACHABLE."},
		{&m.raises, "raised", "Times that Redis was behind the log, and brought up to it."},
		{&m.returns, "returned", "Ranges that Redis held and the log did not, and which were returned."},
		{&m.foreign, "replaced", "Keys of spaces that held something else than a hash, and were replaced."},
	} {
		var err error
		if *c.counter, err = meter.Int64Counter(name+c.name, metric.WithDescription(c.about)); err != nil {
			return nil, err
		}
	}
	var err error
	m.duration, err = meter.Float64Histogram(name+"duration", metric.WithUnit("s"),
		metric.WithDescription("How long a change of a space took in Redis."), metric.WithExplicitBucketBoundaries(.0002, .0005, .001, .002, .005, .01, .05, .2, 1))
	if err != nil {
		return nil, err
	}
	if m.calls, err = dbconv.NewClientOperationDuration(meter); err != nil {
		return nil, err
	}
	return m, m.observe(meter)
}

func (m *metrics) observe(meter metric.Meter) error {
	circuit, err := meter.Int64ObservableGauge(name+"circuit.open", metric.WithDescription("1 while Redis is left alone because it failed several times in a row."))
	if err != nil {
		return err
	}
	unsafe, err := meter.Int64ObservableGauge(name+"unsafe", metric.WithDescription("1 for each setting of Redis by which it may forget."))
	if err != nil {
		return err
	}
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(circuit, m.circuit.Load())
		if found := m.settings.Load(); found != nil {
			for setting := range *found {
				o.ObserveInt64(unsafe, 1, metric.WithAttributes(attribute.String("setting", setting)))
			}
		}
		return nil
	}, circuit, unsafe)
	return err
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
