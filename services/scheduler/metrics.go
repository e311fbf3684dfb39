package scheduler

import (
	"context"
	"strconv"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// metrics are the service's instruments. Pools and tasks are never attributes:
// their number has no bound.
type metrics struct {
	mu         sync.Mutex
	partitions map[int32]*gauges
	doubted    metric.Int64Counter
}

// at is the attribute of a partition.
func (m *metrics) at(partition int32) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("messaging.destination.partition.id", strconv.Itoa(int(partition))))
}

// gauges are the last figures of one partition's core.
type gauges struct {
	mu sync.Mutex
	placement.Figures
}

func (g *gauges) read(s *placement.State) {
	f := s.Figures()
	g.mu.Lock()
	g.Figures = f
	g.mu.Unlock()
}

func (g *gauges) clear() {
	g.mu.Lock()
	g.Figures = placement.Figures{Evaluations: g.Evaluations}
	g.mu.Unlock()
}

func (g *gauges) get() placement.Figures {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Figures
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	maker := instruments.On(meter)
	m := &metrics{partitions: map[int32]*gauges{}, doubted: maker.Counter(instruments.ReceiptsDoubted)}
	m.observe(maker)
	return m, maker.Err()
}

func (m *metrics) observe(maker *instruments.Maker) {
	waiting, running, engines := maker.Gauge(instruments.TasksWaiting), maker.Gauge(instruments.TasksRunning), maker.Gauge(instruments.Engines)
	evaluations := maker.Observed(instruments.PredicateEvaluations)
	maker.Observe(func(_ context.Context, o metric.Observer) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for n, g := range m.partitions {
			at := m.at(n)
			f := g.get()
			o.ObserveInt64(waiting, f.Waiting, at)
			o.ObserveInt64(running, f.Running, at)
			o.ObserveInt64(engines, f.Engines, at)
			o.ObserveInt64(evaluations, f.Evaluations, at)
		}
		return nil
	}, waiting, running, engines, evaluations)
}

func (m *metrics) partition(n int32) *gauges {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.partitions[n] == nil {
		m.partitions[n] = &gauges{}
	}
	return m.partitions[n]
}
