package telemetry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	otelmetric "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
)

// scope names the instruments of this package.
const scope = "github.com/spanway/spanway/internal/telemetry"

// Telemetry is what Start set up. It is safe for concurrent use.
type Telemetry struct {
	registry *prometheus.Registry
	provider *metric.MeterProvider
	// stopTraces sends what is left of them.
	stopTraces func()

	mu       sync.Mutex
	probes   []probe
	troubles []watched
	// sites are the providers of SiteMeter, by the site's name.
	sites map[string]*metric.MeterProvider
}

// probe is one thing that must be ready before the process is.
type probe struct {
	name  string
	ready <-chan struct{}
}

// watched is something that may be in trouble while the process runs.
type watched struct {
	name    string
	trouble func() error
}

// Start sets the process-wide meter provider, and the tracer provider as
// StartTraces does. The service ("scheduler", "dev") becomes the resource's
// service.name, as spanway-<service>, unless the standard OTEL_* variables name
// another.
func Start(service string) (*Telemetry, error) {
	res, err := newResource(service)
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	provider := metric.NewMeterProvider(metric.WithReader(exporter), metric.WithResource(res))
	otel.SetMeterProvider(provider)
	stopTraces, err := startTraces(res)
	if err != nil {
		return nil, err
	}
	t := &Telemetry{registry: registry, provider: provider, stopTraces: stopTraces, sites: map[string]*metric.MeterProvider{}}
	return t, t.observe(instruments.On(provider.Meter(scope)))
}

// SiteMeter is a meter whose metrics carry the label site, for a process that
// runs the same service for several sites. What services of a site have in common, in
// one scope, is counted together.
func (t *Telemetry) SiteMeter(site, scope string) (otelmetric.Meter, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.sites[site]; known != nil {
		return known.Meter(scope), nil
	}
	labelled := prometheus.WrapRegistererWith(prometheus.Labels{"site": site}, t.registry)
	exporter, err := otelprom.New(otelprom.WithRegisterer(labelled), otelprom.WithoutScopeInfo(), otelprom.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("register the metrics of site %q: %w", site, err)
	}
	provider := metric.NewMeterProvider(metric.WithReader(exporter))
	t.sites[site] = provider
	return provider.Meter(scope), nil
}

// Ready makes /readyz wait for the channel to be closed.
func (t *Telemetry) Ready(name string, ready <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.probes = append(t.probes, probe{name, ready})
}

// Watch makes /readyz say what trouble does, for as long as that is not nil: it is asked
// each time, and must not block.
func (t *Telemetry) Watch(name string, trouble func() error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.troubles = append(t.troubles, watched{name, trouble})
}

// state is how a part of the process stands.
type state struct {
	part string
	// why it does not do its job; nil if it does.
	why error
}

// errBeginning: the part has not been ready yet.
var errBeginning = errors.New("begins")

// states are those of all that is registered, in the order of that.
func (t *Telemetry) states() (out []state) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.probes {
		select {
		case <-p.ready:
			out = append(out, state{p.name, nil})
		default:
			out = append(out, state{p.name, errBeginning})
		}
	}
	for _, w := range t.troubles {
		out = append(out, state{w.name, w.trouble()})
	}
	return out
}

// waiting names what is not ready yet, or not any more, and why: each part once for each reason,
// and without one only if none is known.
func (t *Telemetry) waiting() (names []string) {
	states := t.states()
	for _, s := range states {
		name := s.part
		switch {
		case s.why == nil:
			continue
		case !errors.Is(s.why, errBeginning):
			name = fmt.Sprintf("%s (%v)", s.part, s.why)
		case slices.ContainsFunc(states, func(o state) bool { return o.part == s.part && o.why != nil && !errors.Is(o.why, errBeginning) }):
			continue
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// observe measures what /readyz says: a part that was registered with Ready and with Watch
// does its job if it is ready and not in trouble.
func (t *Telemetry) observe(maker *instruments.Maker) error {
	ready := maker.Gauge(instruments.Ready)
	maker.Observe(func(_ context.Context, o otelmetric.Observer) error {
		does := map[string]int64{}
		for _, s := range t.states() {
			if s.why != nil {
				does[s.part] = 0
			} else if _, known := does[s.part]; !known {
				does[s.part] = 1
			}
		}
		for part, value := range does {
			o.ObserveInt64(ready, value, otelmetric.WithAttributes(attribute.String("part", part)))
		}
		return nil
	}, ready)
	return maker.Err()
}

// Stop ends measuring and sends the last spans; a collector that does not answer
// delays it by two seconds at most.
func (t *Telemetry) Stop(ctx context.Context) error {
	t.stopTraces()
	t.mu.Lock()
	providers := slices.AppendSeq([]*metric.MeterProvider{t.provider}, maps.Values(t.sites))
	t.mu.Unlock()
	var errs []error
	for _, p := range providers {
		errs = append(errs, p.Shutdown(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop metrics: %w", err)
	}
	return nil
}
