package instruments

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// Maker makes instruments as they are declared. What cannot be made measures nothing, and
// Err says why.
type Maker struct {
	meter metric.Meter
	errs  []error
}

// On makes instruments of a meter; they measure nothing if it is nil.
func On(meter metric.Meter) *Maker {
	if meter == nil {
		meter = noop.Meter{}
	}
	return &Maker{meter: meter}
}

// Err joins what went wrong.
func (m *Maker) Err() error { return errors.Join(m.errs...) }

func (m *Maker) note(of *Instrument, err error) {
	if err != nil {
		m.errs = append(m.errs, fmt.Errorf("make the metric %s: %w", of.Name, err))
	}
}

// Counter makes a counter that is added to. It is there with 0 and without attributes at
// once: what nothing has happened to yet can be told from what is not measured.
func (m *Maker) Counter(c Counter) metric.Int64Counter {
	out, err := m.meter.Int64Counter(c.Name, metric.WithUnit(c.Unit), metric.WithDescription(c.About))
	m.note(c.Instrument, err)
	if err == nil {
		out.Add(context.Background(), 0)
	}
	return out
}

// Observed makes a counter whose value is asked for.
func (m *Maker) Observed(c Counter) metric.Int64ObservableCounter {
	out, err := m.meter.Int64ObservableCounter(c.Name, metric.WithUnit(c.Unit), metric.WithDescription(c.About))
	m.note(c.Instrument, err)
	return out
}

// Gauge makes a gauge of whole numbers.
func (m *Maker) Gauge(g Gauge) metric.Int64ObservableGauge {
	out, err := m.meter.Int64ObservableGauge(g.Name, metric.WithUnit(g.Unit), metric.WithDescription(g.About))
	m.note(g.Instrument, err)
	return out
}

// Float makes a gauge of fractions, as seconds and ratios are.
func (m *Maker) Float(g Gauge) metric.Float64ObservableGauge {
	out, err := m.meter.Float64ObservableGauge(g.Name, metric.WithUnit(g.Unit), metric.WithDescription(g.About))
	m.note(g.Instrument, err)
	return out
}

// Histogram makes a histogram.
func (m *Maker) Histogram(h Histogram) metric.Float64Histogram {
	out, err := m.meter.Float64Histogram(h.Name, metric.WithUnit(h.Unit), metric.WithDescription(h.About), metric.WithExplicitBucketBoundaries(h.Bounds...))
	m.note(h.Instrument, err)
	return out
}

// Observe has observe called when the meter collects, until stop.
func (m *Maker) Observe(observe metric.Callback, what ...metric.Observable) (stop func()) {
	r, err := m.meter.RegisterCallback(observe, what...)
	if err != nil {
		m.errs = append(m.errs, fmt.Errorf("have metrics observed: %w", err))
		return func() {}
	}
	return func() { _ = r.Unregister() } // It says only that it was not registered any more.
}
