package logowner

import (
	"context"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/internal/telemetry/logsize"
	"github.com/spanway/spanway/pkg/eventlog"
)

// metrics are the instruments of a program's owners.
type metrics struct {
	claims, losses, events, skipped metric.Int64Counter
	logs                            *logsize.Logs

	mu     sync.Mutex
	inputs map[inputName]inputGauge
	full   map[int32]map[eventlog.TopicPartition]bool // by owned partition: what has no room
}

type inputName struct {
	topic     string
	partition int32
}

// inputGauge is what a partition of an input holds: how many records, how many of them are
// still to be read, and how old those are.
type inputGauge struct {
	records, lag int64
	age          time.Duration
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	maker := instruments.On(meter)
	m := &metrics{
		inputs: map[inputName]inputGauge{}, full: map[int32]map[eventlog.TopicPartition]bool{},
		claims: maker.Counter(instruments.LogClaims), losses: maker.Counter(instruments.LogLosses),
		events: maker.Counter(instruments.LogEvents), skipped: maker.Counter(instruments.LogSkipped),
		logs: logsize.New(maker),
	}
	m.observeInputs(maker)
	m.observeHeld(maker)
	return m, maker.Err()
}

// observeHeld: a partition that takes nothing for long is a broker or a right to look
// at.
func (m *metrics) observeHeld(maker *instruments.Maker) {
	held := maker.Gauge(instruments.LogPublishHeld)
	maker.Observe(func(_ context.Context, o metric.Observer) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for n, full := range m.full {
			o.ObserveInt64(held, int64(len(full)), metric.WithAttributes(attribute.String("messaging.destination.partition.id", strconv.Itoa(int(n)))))
		}
		return nil
	}, held)
}

func (m *metrics) held(partition int32, to eventlog.TopicPartition, held bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full[partition] == nil {
		m.full[partition] = map[eventlog.TopicPartition]bool{}
	}
	if held {
		m.full[partition][to] = true
	} else {
		delete(m.full[partition], to)
	}
}

// observeInputs: an input that grows without end is one that is not truncated, or not
// read.
func (m *metrics) observeInputs(maker *instruments.Maker) {
	records, lag, age := maker.Gauge(instruments.LogInputRecords), maker.Gauge(instruments.LogInputLag), maker.Float(instruments.LogInputAge)
	maker.Observe(func(_ context.Context, o metric.Observer) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for at, in := range m.inputs {
			named := metric.WithAttributes(
				attribute.String("messaging.destination.name", at.topic),
				attribute.String("messaging.destination.partition.id", strconv.Itoa(int(at.partition))),
			)
			o.ObserveInt64(records, in.records, named)
			o.ObserveInt64(lag, in.lag, named)
			o.ObserveFloat64(age, in.age.Seconds(), named)
		}
		return nil
	}, records, lag, age)
}

func (m *metrics) input(topic string, partition int32, in inputGauge) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inputs[inputName{topic, partition}] = in
}

// clear forgets a partition that is no longer owned.
func (m *metrics) clear(partition int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.full, partition)
	for at := range m.inputs {
		if at.partition == partition {
			delete(m.inputs, at)
		}
	}
}

func (m *metrics) skip(why string, records int) {
	m.skipped.Add(context.Background(), int64(records), metric.WithAttributes(attribute.String("reason", why)))
}
