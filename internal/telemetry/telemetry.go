package telemetry

import (
	"context"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
)

// Telemetry is what Start set up. It is safe for concurrent use.
type Telemetry struct {
	registry *prometheus.Registry
	provider *metric.MeterProvider
	// stopTraces sends what is left of them.
	stopTraces func()

	mu     sync.Mutex
	probes []probe
}

// probe is one thing that must be ready before the process is.
type probe struct {
	name  string
	ready <-chan struct{}
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
	return &Telemetry{registry: registry, provider: provider, stopTraces: stopTraces}, nil
}

// Ready makes /readyz wait for the channel to be closed.
func (t *Telemetry) Ready(name string, ready <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.probes = append(t.probes, probe{name, ready})
}

// waiting names what is not ready yet.
func (t *Telemetry) waiting() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for _, p := range t.probes {
		select {
		case <-p.ready:
		default:
			names = append(names, p.name)
		}
	}
	return names
}

// Stop ends measuring and sends the last spans; a collector that does not answer
// delays it by two seconds at most.
func (t *Telemetry) Stop(ctx context.Context) error {
	t.stopTraces()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop metrics: %w", err)
	}
	return nil
}
