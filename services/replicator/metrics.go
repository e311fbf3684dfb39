package replicator

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/services/replicator/admission"
	"github.com/spanway/spanway/services/replicator/audit"
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/selection"
)

// metrics are the service's instruments, by link.
type metrics struct {
	maker                     *instruments.Maker
	records, bytes, incidents metric.Int64Counter
	dropped, letters          metric.Int64Counter
	windows, audits           metric.Int64Counter
	skipped, failures         metric.Int64Counter
	announcements             metric.Int64Counter
	lag, copies, unaudited    metric.Int64ObservableGauge
	blocked                   metric.Int64ObservableGauge
	age                       metric.Float64ObservableGauge
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	maker := instruments.On(meter)
	m := &metrics{
		maker:   maker,
		records: maker.Counter(instruments.CopiedRecords), bytes: maker.Counter(instruments.CopiedBytes),
		dropped: maker.Counter(instruments.CopyDropped), letters: maker.Counter(instruments.DeadLetters), incidents: maker.Counter(instruments.CopyIncidents),
		windows: maker.Counter(instruments.AuditWindows), audits: maker.Counter(instruments.AuditRecords),
		skipped: maker.Counter(instruments.AuditSkipped), failures: maker.Counter(instruments.CopySnapshotFailures),
		announcements: maker.Counter(instruments.AnnouncementsMalformed),
		unaudited:     maker.Gauge(instruments.AuditBehind), lag: maker.Gauge(instruments.LinkLag),
		age: maker.Float(instruments.LinkLagAge), copies: maker.Gauge(instruments.Copies), blocked: maker.Gauge(instruments.CopiesBlocked),
	}
	return m, maker.Err()
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
	if n := r.Counts.Buried - before.Counts.Buried; n > 0 {
		m.letters.Add(ctx, n, metric.WithAttributes(attribute.String("reason", "BURIED")))
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
	return m.maker.Observe(func(_ context.Context, o metric.Observer) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		lag, age := s.lags(time.Now().UnixMilli())
		unaudited, states := map[string]int64{}, map[[2]string]int64{}
		for _, st := range s.copies {
			unaudited[st.Link] += st.unaudited
			states[[2]string{st.Link, st.state()}]++
		}
		for link, n := range lag {
			o.ObserveInt64(m.lag, n, metric.WithAttributes(attribute.String("link", link)))
			o.ObserveFloat64(m.age, float64(age[link])/1000, metric.WithAttributes(attribute.String("link", link)))
		}
		for link, n := range unaudited {
			o.ObserveInt64(m.unaudited, n, metric.WithAttributes(attribute.String("link", link)))
		}
		for key, n := range states {
			o.ObserveInt64(m.copies, n, metric.WithAttributes(attribute.String("link", key[0]), attribute.String("state", key[1])))
		}
		for key, n := range blocked(slices.Concat(s.problems, s.lost())) {
			o.ObserveInt64(m.blocked, n, metric.WithAttributes(attribute.String("link", key[0]), attribute.String("reason", key[1])))
		}
		return nil
	}, m.lag, m.age, m.copies, m.unaudited, m.blocked)
}

// lags are how far links are behind, in records and in milliseconds. One that was failed over has
// none, and one of which nothing is known but that its copies had all. s.mu is held.
func (s *status) lags(now int64) (lag, age map[string]int64) {
	lag, age = map[string]int64{}, map[string]int64{}
	over, away := s.failedOver(), s.away()
	for _, st := range s.copies {
		n := st.behind()
		if over[st.Link] || n == 0 && (away[st.Link] || st.lagUnknown()) {
			continue
		}
		lag[st.Link] += n
		age[st.Link] = max(age[st.Link], 0)
		if oldest := st.oldest(); oldest > 0 {
			age[st.Link] = max(age[st.Link], now-oldest)
		}
	}
	return lag, age
}

// away are links whose source is. s.mu is held.
func (s *status) away() map[string]bool {
	links := map[string]bool{}
	for i := range s.problems {
		if p := &s.problems[i]; p.Code.SourceAway() {
			links[p.Link] = true
		}
	}
	return links
}

// lost are the topics of which paused copies have lost records. s.mu is held.
func (s *status) lost() (all []selection.Problem) {
	for _, st := range s.copies {
		if why := st.lost(); why != "" {
			all = append(all, selection.Problem{Link: st.Link, Topic: st.Config.Source.Topic, Code: selection.Code(why), Stops: true})
		}
	}
	return all
}

// failedOver are links that a fail-over has paused: what they copied goes the other way now,
// so that no lag of theirs matters. s.mu is held.
func (s *status) failedOver() map[string]bool {
	over := map[string]bool{}
	for i := range s.linked {
		if l := &s.linked[i]; l.Paused && l.FailedOver {
			over[l.Name] = true
		}
	}
	return over
}

// blocked are how many topics are not copied, by link and code. A problem of a whole link
// counts as one.
func blocked(problems []selection.Problem) map[[2]string]int64 {
	topics, n := map[[3]string]bool{}, map[[2]string]int64{}
	for _, p := range problems {
		of, topic := [2]string{p.Link, string(p.Code)}, [3]string{p.Link, string(p.Code), p.Topic}
		if (p.Stops || p.Code.SourceAway() || p.Code == selection.SourceDenied) && !topics[topic] {
			topics[topic] = true
			n[of]++
		}
	}
	return n
}
