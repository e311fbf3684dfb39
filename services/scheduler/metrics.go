package scheduler

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// metrics are the service's instruments. Pools and tasks are never attributes:
// their number has no bound.
type metrics struct {
	mu         sync.Mutex
	partitions map[int32]*gauges

	doubted, rejected, ended, failed, letters metric.Int64Counter
}

// at is the attribute of a partition.
func (m *metrics) at(partition int32) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("messaging.destination.partition.id", strconv.Itoa(int(partition))))
}

// gauges are the last figures of one partition's core, and what its tasks wait for.
type gauges struct {
	mu sync.Mutex
	placement.Figures
	waits placement.Waits
	// next is when to look again at what tasks wait for.
	next time.Time
}

const (
	// waitsEvery lies between two looks at what tasks wait for, and waitsRest as many
	// times of what the look took: with very many kinds of tasks it is more.
	waitsEvery = time.Second
	waitsRest  = 100
)

func (g *gauges) read(s *placement.State) {
	f := s.Figures()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.Figures = f
	if began := time.Now(); !began.Before(g.next) {
		g.waits = s.Waits()
		g.next = time.Now().Add(max(waitsEvery, waitsRest*time.Since(began)))
	}
}

func (g *gauges) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.Figures, g.waits, g.next = placement.Figures{Evaluations: g.Evaluations}, placement.Waits{}, time.Time{}
}

func (g *gauges) get() (placement.Figures, placement.Waits) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Figures, g.waits
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	maker := instruments.On(meter)
	m := &metrics{
		partitions: map[int32]*gauges{}, doubted: maker.Counter(instruments.ReceiptsDoubted),
		rejected: maker.Counter(instruments.TasksRejected), ended: maker.Counter(instruments.TasksEnded),
		failed: maker.Counter(instruments.AttemptsFailed), letters: maker.Counter(instruments.DeadLetters),
	}
	m.observe(maker)
	return m, maker.Err()
}

func (m *metrics) observe(maker *instruments.Maker) {
	waiting, running, engines := maker.Gauge(instruments.TasksWaiting), maker.Gauge(instruments.TasksRunning), maker.Gauge(instruments.Engines)
	evaluations := maker.Observed(instruments.PredicateEvaluations)
	waits, oldest, capacity := maker.Gauge(instruments.Waits), maker.Float(instruments.WaitsOldest), maker.Gauge(instruments.Capacity)
	maker.Observe(func(_ context.Context, o metric.Observer) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for n, g := range m.partitions {
			at := m.at(n)
			f, w := g.get()
			o.ObserveInt64(waiting, f.Waiting, at)
			o.ObserveInt64(running, f.Running, at)
			o.ObserveInt64(engines, f.Engines, at)
			o.ObserveInt64(evaluations, f.Evaluations, at)
			for why, tasks := range w.Reasons {
				o.ObserveInt64(waits, tasks, at, metric.WithAttributes(attribute.String("reason", string(why))))
			}
			o.ObserveFloat64(oldest, age(w.OldestMs), at)
			for _, name := range measuredOf(w.Capacity) {
				has, of := w.Capacity[name], attribute.String("dimension", name)
				o.ObserveInt64(capacity, has.Allocatable, at, metric.WithAttributes(of, attribute.String("state", "allocatable")))
				o.ObserveInt64(capacity, has.Promised, at, metric.WithAttributes(of, attribute.String("state", "promised")))
			}
		}
		return nil
	}, waiting, running, engines, evaluations, waits, oldest, capacity)
}

func (m *metrics) partition(n int32) *gauges {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.partitions[n] == nil {
		m.partitions[n] = &gauges{}
	}
	return m.partitions[n]
}

// age is how long ago that was, in seconds; 0 of 0.
func age(sinceMs int64) float64 {
	if sinceMs == 0 {
		return 0
	}
	return max(0, time.Since(time.UnixMilli(sinceMs)).Seconds())
}

// maxDimensions bounds the dimensions that are measured: their names are made by engines.
const maxDimensions = 20

func measuredOf(has map[string]placement.Capacity) []string {
	names := slices.Sorted(maps.Keys(has))
	return names[:min(len(names), maxDimensions)]
}

// count counts what events say of tasks.
func (m *metrics) count(batch []events.Logged) {
	ctx := context.Background()
	add := func(c metric.Int64Counter, key, value string) {
		c.Add(ctx, 1, metric.WithAttributes(attribute.String(key, value)))
	}
	for i := range batch {
		switch e := batch[i].Message.(type) {
		case *events.TaskRejected:
			add(m.rejected, "code", e.Code)
			if e.Raw != nil {
				add(m.letters, "reason", e.Code)
			}
		case *events.TaskDeadLettered:
			add(m.letters, "reason", "ATTEMPTS")
			add(m.ended, "outcome", "dead")
		case *events.TaskAttemptFailed:
			m.failed.Add(ctx, 1)
		case *events.TaskSucceeded:
			m.ended.Add(ctx, 1, succeeded...)
		case *events.TaskFailed:
			add(m.ended, "outcome", "failed")
		case *events.TaskExpired:
			add(m.ended, "outcome", "expired")
		case *events.TaskCancelled:
			add(m.ended, "outcome", "cancelled")
		}
	}
}

// succeeded is of most tasks: to make it for each costs more than to count.
var succeeded = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", "succeeded")))}
