package scheduler

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/spanway/spanway/services/scheduler/placement"
)

// metrics are the service's instruments. Pools and tasks are never attributes:
// their number has no bound.
type metrics struct {
	claims, losses, events, skipped, snapshots metric.Int64Counter

	mu         sync.Mutex
	partitions map[int32]*gauges
}

// gauges are the last figures of one partition's core.
type gauges struct {
	mu sync.Mutex
	placement.Figures
	inputs map[string]inputGauge
}

// inputGauge is what a partition of an input holds: how many records, and how old, in
// seconds, those are that are still to be read.
type inputGauge struct{ records, age int64 }

func (g *gauges) input(topic string, records int64, age time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inputs == nil {
		g.inputs = map[string]inputGauge{}
	}
	g.inputs[topic] = inputGauge{records, int64(age.Seconds())}
}

func (g *gauges) eachInput(f func(topic string, in inputGauge)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for topic, in := range g.inputs {
		f(topic, in)
	}
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
	g.inputs = nil
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
	m := &metrics{partitions: map[int32]*gauges{}}
	var err error
	counter := func(name, help string) metric.Int64Counter {
		c, e := meter.Int64Counter(name, metric.WithDescription(help))
		if e != nil {
			err = e
		}
		return c
	}
	m.claims = counter("spanway.log.claims", "Claims of owned logs that this process won.")
	m.losses = counter("spanway.log.losses", "Times that acknowledged records of an owned log were missing.")
	m.events = counter("spanway.log.events", "Events that this process appended and that count.")
	m.skipped = counter("spanway.log.skipped", "Records of owned logs that were read and do not count, by reason.")
	m.snapshots = counter("spanway.log.snapshots", "Snapshots that this process wrote, by outcome: saved, failed; or met: unusable.")
	if err != nil {
		return nil, err
	}
	return m, errors.Join(m.observe(meter), m.observeInputs(meter))
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
			at := metric.WithAttributes(attribute.String("messaging.destination.partition.id", strconv.Itoa(int(n))))
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

// observeInputs: an input that grows without end is one that nobody truncates, or
// nobody reads.
func (m *metrics) observeInputs(meter metric.Meter) error {
	records, err := meter.Int64ObservableGauge("spanway.scheduler.input.records", metric.WithDescription("Records that an input keeps: not yet read, or not yet behind two snapshots."))
	if err != nil {
		return err
	}
	age, err := meter.Int64ObservableGauge("spanway.scheduler.input.age", metric.WithUnit("s"), metric.WithDescription("Age of the newest record that was read while more were waiting; 0 if none are."))
	if err != nil {
		return err
	}
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for n, g := range m.partitions {
			g.eachInput(func(topic string, in inputGauge) {
				at := metric.WithAttributes(
					attribute.String("messaging.destination.name", topic),
					attribute.String("messaging.destination.partition.id", strconv.Itoa(int(n))),
				)
				o.ObserveInt64(records, in.records, at)
				o.ObserveInt64(age, in.age, at)
			})
		}
		return nil
	}, records, age)
	return err
}

func (m *metrics) snapshot(outcome string) {
	m.snapshots.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

func (m *metrics) skip(ctx context.Context, why string, records int) {
	m.skipped.Add(ctx, int64(records), metric.WithAttributes(attribute.String("reason", why)))
}

func (m *metrics) partition(n int32) *gauges {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.partitions[n] == nil {
		m.partitions[n] = &gauges{}
	}
	return m.partitions[n]
}
