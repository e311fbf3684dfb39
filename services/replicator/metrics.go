package replicator

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/spanway/spanway/services/replicator/admission"
	"github.com/spanway/spanway/services/replicator/audit"
	"github.com/spanway/spanway/services/replicator/copying"
)

// metrics are the service's instruments, by link.
type metrics struct {
	meter                     metric.Meter
	records, bytes, incidents metric.Int64Counter
	dropped                   metric.Int64Counter
	windows, audits           metric.Int64Counter
	skipped, failures         metric.Int64Counter
	announcements             metric.Int64Counter
	lag, age                  metric.Int64ObservableGauge
	copies, unaudited         metric.Int64ObservableGauge
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
	m.windows = counter("audit.windows", "{window}", "Windows of copies that were compared with their sources, by result: equal, different.")
	m.audits = counter("audit.records", "{record}", "Records of both sides that were read to compare them.")
	m.skipped = counter("audit.skipped", "{record}", "Offsets of copies that were deleted before they were compared.")
	m.failures = counter("snapshot.failures", "{failure}", "Snapshots that gave their place up, by reason: idle, overdue.")
	m.announcements = counter("announcements.malformed", "{record}", "Records of sources that announce no application, by source.")
	m.unaudited = gauge("audit.behind", "{record}", "Offsets of copies that are yet to be compared.")
	m.lag = gauge("lag", "{record}", "Offsets of sources that are yet to be decided.")
	m.age = gauge("lag.age", "ms", "How old the oldest record is that waits to be copied, as far as it is known; 0 if none does.")
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

// audited counts what an audit has compared.
func (m *metrics) audited(link string, seen *audit.Followed) {
	ctx, of := context.Background(), attribute.String("link", link)
	if seen.Compared {
		result := "equal"
		if !seen.Equal() {
			result = "different"
		}
		m.windows.Add(ctx, 1, metric.WithAttributes(of, attribute.String("result", result)))
	}
	m.audits.Add(ctx, seen.Read, metric.WithAttributes(of))
	if seen.Skipped > 0 {
		m.skipped.Add(ctx, seen.Skipped, metric.WithAttributes(of))
	}
}

// failed counts a snapshot that gave its place up.
func (m *metrics) failed(link string, why admission.Reason) {
	m.failures.Add(context.Background(), 1, metric.WithAttributes(attribute.String("link", link), attribute.String("reason", string(why))))
}

// observe measures how copies stand, until stop.
func (m *metrics) observe(s *status) (stop func()) {
	registered, err := m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		lag, age, unaudited, states := map[string]int64{}, map[string]int64{}, map[string]int64{}, map[[2]string]int64{}
		now := time.Now().UnixMilli()
		for _, st := range s.copies {
			lag[st.Link] += st.behind()
			if oldest := st.oldest(); oldest > 0 {
				age[st.Link] = max(age[st.Link], now-oldest)
			}
			unaudited[st.Link] += st.unaudited
			states[[2]string{st.Link, st.state()}]++
		}
		for link, n := range lag {
			o.ObserveInt64(m.lag, n, metric.WithAttributes(attribute.String("link", link)))
			o.ObserveInt64(m.age, age[link], metric.WithAttributes(attribute.String("link", link)))
		}
		for link, n := range unaudited {
			o.ObserveInt64(m.unaudited, n, metric.WithAttributes(attribute.String("link", link)))
		}
		for key, n := range states {
			o.ObserveInt64(m.copies, n, metric.WithAttributes(attribute.String("link", key[0]), attribute.String("state", key[1])))
		}
		return nil
	}, m.lag, m.age, m.copies, m.unaudited)
	if err != nil {
		return func() {}
	}
	return func() { _ = registered.Unregister() }
}
