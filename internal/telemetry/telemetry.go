package telemetry

import (
	"context"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Telemetry is what Start set up. It is safe for concurrent use.
type Telemetry struct {
	registry *prometheus.Registry
	provider *metric.MeterProvider

	mu     sync.Mutex
	probes []probe
}

// probe is one thing that must be ready before the process is.
type probe struct {
	name  string
	ready <-chan struct{}
}

// Start sets the process-wide meter provider and trace propagator. The service
// ("scheduler", "dev") becomes the resource's service.name unless the standard
// OTEL_* variables name another.
func Start(service string) (*Telemetry, error) {
	res, err := resource.Merge(
		resource.NewSchemaless(attribute.String("service.name", "spanway-"+service)),
		resource.Environment())
	if err != nil {
		return nil, fmt.Errorf("read the OTEL_* variables: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	provider := metric.NewMeterProvider(metric.WithReader(exporter), metric.WithResource(res))
	otel.SetMeterProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return &Telemetry{registry: registry, provider: provider}, nil
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

// Stop ends measuring.
func (t *Telemetry) Stop(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop metrics: %w", err)
	}
	return nil
}
