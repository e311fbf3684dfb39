package logowner

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/spanway/spanway/pkg/eventlog"
)

// metrics are the instruments of a program's owners.
type metrics struct {
	claims, losses, events, skipped, snapshots metric.Int64Counter

	mu     sync.Mutex
	inputs map[inputName]inputGauge
	full   map[int32]map[eventlog.TopicPartition]bool // by owned partition: what has no room
}

type inputName struct {
	topic     string
	partition int32
}

// inputGauge is what a partition of an input holds: how many records, and how old, in
// seconds, those are that are still to be read.
type inputGauge struct{ records, age int64 }

func newMetrics(name string, meter metric.Meter) (*metrics, error) {
	if meter == nil {
		meter = noop.Meter{}
	}
	m := &metrics{inputs: map[inputName]inputGauge{}, full: map[int32]map[eventlog.TopicPartition]bool{}}
	var err error
	counter := func(name, help string) metric.Int64Counter {
		c, e := meter.Int64Counter(name, metric.WithDescription(help))
		err = errors.Join(err, e)
		return c
	}
	m.claims = counter("spanway.log.claims", "Claims of owned logs that this process won.")
	m.losses = counter("spanway.log.losses", "Times that acknowledged records of an owned log were missing.")
	m.events = counter("spanway.log.events", "Events that this process appended and that count.")
	m.skipped = counter("spanway.log.skipped", "Records of owned logs that were read and do not count, by reason.")
	m.snapshots = counter("spanway.log.snapshots", "Snapshots that this process wrote, by outcome: saved, failed; or met: unusable.")
	return m, errors.Join(err, m.observeInputs(name, meter), m.observeHeld(meter))
}

// observeHeld: a partition that takes nothing for long is a broker or a right to look
// at.
func (m *metrics) observeHeld(meter metric.Meter) error {
	held, err := meter.Int64ObservableGauge("spanway.log.publish.held", metric.WithDescription("Target partitions that take nothing: what goes there waits in the log."))
	if err != nil {
		return err
	}
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for n, full := range m.full {
			o.ObserveInt64(held, int64(len(full)), metric.WithAttributes(attribute.String("messaging.destination.partition.id", strconv.Itoa(int(n)))))
		}
		return nil
	}, held)
	return err
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
func (m *metrics) observeInputs(name string, meter metric.Meter) error {
	records, err := meter.Int64ObservableGauge(name+".input.records", metric.WithDescription("Records that an input keeps: not yet read, or not yet behind two snapshots."))
	if err != nil {
		return err
	}
	age, err := meter.Int64ObservableGauge(name+".input.age", metric.WithUnit("s"), metric.WithDescription("Age of the newest record that was read while more were waiting; 0 if none are."))
	if err != nil {
		return err
	}
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for at, in := range m.inputs {
			named := metric.WithAttributes(
				attribute.String("messaging.destination.name", at.topic),
				attribute.String("messaging.destination.partition.id", strconv.Itoa(int(at.partition))),
			)
			o.ObserveInt64(records, in.records, named)
			o.ObserveInt64(age, in.age, named)
		}
		return nil
	}, records, age)
	return err
}

func (m *metrics) input(topic string, partition int32, records int64, age time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inputs[inputName{topic, partition}] = inputGauge{records, int64(age.Seconds())}
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

func (m *metrics) snapshot(outcome string) {
	m.snapshots.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

func (m *metrics) skip(why string, records int) {
	m.skipped.Add(context.Background(), int64(records), metric.WithAttributes(attribute.String("reason", why)))
}
