package manager

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/site"
)

// localMetrics are the instruments of a local manager.
type localMetrics struct {
	applied, declined, realisations, drifts, syncs metric.Int64Counter
	look                                           paced

	mu                 sync.Mutex
	owned              bool
	sequence, segments int64
	figures            site.Figures
}

func newLocalMetrics(meter metric.Meter) (*localMetrics, error) {
	maker := instruments.On(meter)
	m := &localMetrics{
		applied: maker.Counter(instruments.LocalApplied), declined: maker.Counter(instruments.LocalDeclined),
		realisations: maker.Counter(instruments.LocalRealisations), drifts: maker.Counter(instruments.LocalDrifts),
		syncs: maker.Counter(instruments.LocalSyncs),
	}
	objects, sequence := maker.Gauge(instruments.LocalObjects), maker.Gauge(instruments.LocalSequence)
	behind, segments := maker.Gauge(instruments.LocalBehind), maker.Gauge(instruments.LocalSyncSegments)
	maker.Observe(func(_ context.Context, o metric.Observer) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !m.owned {
			return nil
		}
		o.ObserveInt64(sequence, m.sequence)
		o.ObserveInt64(segments, m.segments)
		o.ObserveInt64(behind, int64(m.figures.Behind))
		for state, n := range m.figures.Objects {
			o.ObserveInt64(objects, int64(n), metric.WithAttributes(attribute.String("state", state)))
		}
		return nil
	}, objects, sequence, behind, segments)
	return m, maker.Err()
}

// observed looks at the core; at each of its objects only if it is time to.
func (m *localMetrics) observed(c *site.Core) {
	_, segments := c.Syncing()
	sequence := c.Report().Sequence
	m.mu.Lock()
	m.sequence, m.segments = int64(sequence), int64(segments)
	m.mu.Unlock()
	m.look.now(func() {
		figures := c.Figures()
		m.mu.Lock()
		defer m.mu.Unlock()
		m.owned, m.figures = true, figures
	})
}

// disowned: another process tells of the log now.
func (m *localMetrics) disowned() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owned = false
	m.look = paced{}
}

// counted counts what events say.
func (m *localMetrics) counted(batch []events.Logged) {
	ctx := context.Background()
	add := func(c metric.Int64Counter, key, value string) {
		c.Add(ctx, 1, metric.WithAttributes(attribute.String(key, value)))
	}
	for i := range batch {
		switch e := batch[i].Message.(type) {
		case *events.NetworkEntryApplied:
			m.applied.Add(ctx, 1)
		case *events.NetworkEntryDeclined:
			add(m.declined, "code", e.Code)
		case *events.NetworkSyncApplied:
			m.syncs.Add(ctx, 1)
		case *events.NetworkRealised:
			add(m.realisations, "outcome", "realised")
		case *events.NetworkRealisationFailed:
			add(m.realisations, "outcome", "failed")
		case *events.NetworkDrifted:
			action := "left"
			if e.Mended {
				action = "mended"
			}
			add(m.drifts, "action", action)
		}
	}
}
