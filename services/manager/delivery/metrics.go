package delivery

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
)

// flying measures what is on its way to each site.
type flying struct {
	end func() // Nothing is measured any more.

	mu    sync.Mutex
	sites map[string]*Delivery
}

// newFlying measures with a meter, or nothing where that fails, which is told of where the other
// metrics of a global manager are made.
func newFlying(meter metric.Meter) *flying {
	f := &flying{sites: map[string]*Delivery{}}
	maker := instruments.On(meter)
	sent := maker.Gauge(instruments.GlobalInFlight)
	f.end = maker.Observe(func(_ context.Context, o metric.Observer) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		for name, d := range f.sites {
			o.ObserveInt64(sent, d.InFlight(), metric.WithAttributes(attribute.String("to_site", name)))
		}
		return nil
	}, sent)
	return f
}

// runs notes a delivery until ended is called.
func (f *flying) runs(site string, d *Delivery) (ended func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sites[site] = d
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.sites, site)
	}
}
