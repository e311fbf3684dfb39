package replicator

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/spanway/spanway/services/replicator/copying"
)

// metrics are the service's instruments, by link.
type metrics struct {
	meter                     metric.Meter
	records, bytes, incidents metric.Int64Counter
	dropped                   metric.Int64Counter
	lag, copies               metric.Int64ObservableGauge
}

const scope = "spanway.replicator."

func newMetrics(meter metric.Meter) (*metrics, error) {
	if meter == nil {
		meter = noop.Meter{}
	}
	m := &metrics{meter: meter}
	var err error
	counter := func(name, unit, about string) (c metric.Int64Counter) {
		if err == nil {
			c, err = meter.Int64Counter(scope+name, metric.WithUnit(unit), metric.WithDescription(about))
		}
		return c
	}
	gauge := func(name, unit, about string) (g metric.Int64ObservableGauge) {
		if err == nil {
			g, err = meter.Int64ObservableGauge(scope+name, metric.WithUnit(unit), metric.WithDescription(about))
		}
		return g
	}
	m.records = counter("records.copied", "{record}", "Records that this process has copied.")
	m.bytes = counter("bytes.copied", "By", "Bytes of the records that this process has copied, uncompressed.")
	m.dropped = counter("records.dropped", "{record}", "Records that are not copied, by reason: looped, relayed, elsewhere, buried.")
	m.incidents = counter("incidents", "{incident}", "What an operator must know of, by reason.")
	m.lag = gauge("lag", "{record}", "Offsets of sources that are yet to be decided.")
	m.copies = gauge("copies", "{copy}", "Copies of this process, by state.")
	return m, err
}

// reported counts what is new in a report.
func (m *metrics) reported(st *standing, r *copying.Report) {
	ctx, link := context.Background(), attribute.String("link", st.Link)
	before := st.report
	if r.Counts.Copied < before.Counts.Copied {
		before = copying.Report{} // Its copier began anew.
	}
	of := metric.WithAttributes(link)
	m.records.Add(ctx, r.Counts.Copied-before.Counts.Copied, of)
	m.bytes.Add(ctx, r.Bytes-before.Bytes, of)
	for reason, n := range map[string]int64{
		"looped": r.Counts.Looped - before.Counts.Looped, "relayed": r.Counts.Relayed - before.Counts.Relayed,
		"elsewhere": r.Counts.Elsewhere - before.Counts.Elsewhere, "buried": r.Counts.Buried - before.Counts.Buried,
	} {
		if n > 0 {
			m.dropped.Add(ctx, n, metric.WithAttributes(link, attribute.String("reason", reason)))
		}
	}
	for _, i := range r.Incidents {
		m.incidents.Add(ctx, 1, metric.WithAttributes(link, attribute.String("reason", string(i.Reason))))
	}
}

// observe measures how copies stand, until stop.
func (m *metrics) observe(s *status) (stop func()) {
	registered, err := m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		lag, states := map[string]int64{}, map[[2]string]int64{}
		for _, st := range s.copies {
			lag[st.Link] += st.report.Behind()
			states[[2]string{st.Link, st.state()}]++
		}
		for link, n := range lag {
			o.ObserveInt64(m.lag, n, metric.WithAttributes(attribute.String("link", link)))
		}
		for key, n := range states {
			o.ObserveInt64(m.copies, n, metric.WithAttributes(attribute.String("link", key[0]), attribute.String("state", key[1])))
		}
		return nil
	}, m.lag, m.copies)
	if err != nil {
		return func() {}
	}
	return func() { _ = registered.Unregister() }
}
