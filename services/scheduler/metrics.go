package scheduler

import (
	"context"
	"strconv"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

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
	if meter == nil {
		meter = noop.Meter{}
	}
	doubted, err := meter.Int64Counter("spanway.scheduler.receipts.doubted",
		metric.WithDescription("Heartbeats that claim to have read what the log does not hold, and are not evidence that it was lost."))
	if err != nil {
		return nil, err
	}
	m := &metrics{partitions: map[int32]*gauges{}, doubted: doubted}
	return m, m.observe(meter)
}

func (m *metrics) observe(meter metric.Meter) error {
	waiting, err := meter.Int64ObservableGauge("spanway.scheduler.tasks.waiting", metric.WithDescription("Tasks that wait for an engine."))
	if err != nil {
		return err
	}
	running, err := meter.Int64ObservableGauge("spanway.scheduler.tasks.running", metric.WithDescription("Tasks with an unfinished attempt."))
	if err != nil {
		return err
	}
	engines, err := meter.Int64ObservableGauge("spanway.scheduler.engines", metric.WithDescription("Engines that are not lost or departed."))
	if err != nil {
		return err
	}
	evaluations, err := meter.Int64ObservableCounter("spanway.scheduler.predicate.evaluations", metric.WithDescription("Evaluations of predicates on engines."))
	if err != nil {
		return err
	}
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
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
	return err
}

func (m *metrics) partition(n int32) *gauges {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.partitions[n] == nil {
		m.partitions[n] = &gauges{}
	}
	return m.partitions[n]
}
