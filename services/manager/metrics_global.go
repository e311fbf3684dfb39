package manager

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/delivery"
	"github.com/spanway/spanway/services/manager/network"
	"github.com/spanway/spanway/services/manager/site"
)

// globalMetrics are the instruments of a global manager. It is told as a Delivery is.
type globalMetrics struct {
	changes, refused, syncs metric.Int64Counter
	look                    paced

	mu            sync.Mutex
	owned         bool
	objects, term int64
	sites         []network.SiteStatus
}

func newGlobalMetrics(meter metric.Meter) (*globalMetrics, error) {
	maker := instruments.On(meter)
	m := &globalMetrics{
		changes: maker.Counter(instruments.GlobalChanges), refused: maker.Counter(instruments.GlobalRefused),
		syncs: maker.Counter(instruments.GlobalSyncs),
	}
	objects, term := maker.Gauge(instruments.GlobalObjects), maker.Gauge(instruments.GlobalTerm)
	waiting, oldest := maker.Gauge(instruments.GlobalWaiting), maker.Float(instruments.GlobalOldest)
	overdue, sync := maker.Gauge(instruments.GlobalOverdue), maker.Float(instruments.GlobalSyncAge)
	maker.Observe(func(_ context.Context, o metric.Observer) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !m.owned {
			return nil
		}
		o.ObserveInt64(objects, m.objects)
		o.ObserveInt64(term, m.term)
		for _, s := range m.sites {
			to := metric.WithAttributes(attribute.String("to_site", s.Site.Name))
			o.ObserveInt64(waiting, int64(s.Waiting), to)
			o.ObserveFloat64(oldest, age(s.OldestMs), to)
			o.ObserveInt64(overdue, int64(s.Overdue), to)
			since := s.SinceMs
			if !s.Syncing {
				since = 0
			}
			o.ObserveFloat64(sync, age(since), to)
		}
		return nil
	}, objects, term, waiting, oldest, overdue, sync)
	return m, maker.Err()
}

// age is how long ago that was, in seconds; 0 of 0.
func age(sinceMs int64) float64 {
	if sinceMs == 0 {
		return 0
	}
	return max(0, time.Since(time.UnixMilli(sinceMs)).Seconds())
}

// observed looks at the core, if it is time to.
func (m *globalMetrics) observed(c *network.Core) {
	m.look.now(func() {
		sites, objects := c.Sites(), c.State().Len()
		m.mu.Lock()
		defer m.mu.Unlock()
		m.owned, m.objects, m.term, m.sites = true, int64(objects), int64(c.Term()), sites
	})
}

// disowned: another process tells of the log now.
func (m *globalMetrics) disowned() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owned, m.sites = false, nil
	m.look = paced{}
}

// counted counts what events say.
func (m *globalMetrics) counted(batch []events.Logged) {
	ctx := context.Background()
	for i := range batch {
		switch e := batch[i].Message.(type) {
		case *events.NetworkChanged:
			m.changes.Add(ctx, 1)
		case *events.NetworkRefused:
			m.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("code", e.Code)))
		case *events.NetworkSyncOrdered:
			m.syncs.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", syncReason(e.Reason))))
		}
	}
}

// syncReason is a reason of a full sync, of which there are so many: a report may have any other.
func syncReason(text string) string {
	switch text {
	case network.NewSite, network.NewTerm, network.Overflow, network.Requested,
		delivery.TooLarge, delivery.LostState, site.Gap, site.BadEntry, site.BadSync:
		return text
	}
	return "OTHER"
}

// paced bounds how much of its time an owner looks at its own state, of which there may be much:
// once a second, and a hundredth of the time.
type paced struct{ next time.Time }

const (
	lookEvery = time.Second
	lookRest  = 100
)

func (p *paced) now(look func()) {
	began := time.Now()
	if began.Before(p.next) {
		return
	}
	look()
	p.next = time.Now().Add(max(lookEvery, lookRest*time.Since(began)))
}
