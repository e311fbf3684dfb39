package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// What BenchmarkClasses places: so many engines, each of a class of its own, and so many
// tasks, each with a predicate of its own that is true of one class.
const (
	classesPool    = "classes"
	classesEngines = 2_000
)

// BenchmarkClasses is the table of docs/benchmarks.md, "Many classes": a whole system,
// but for engines that are nothing but their reports. It is for -benchtime 1x.
func BenchmarkClasses(b *testing.B) {
	for _, ack := range []time.Duration{0, 20 * time.Millisecond} {
		b.Run(fmt.Sprintf("ack=%v", ack), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(placeClasses(b, ack), "tasks/s")
			}
		})
	}
}

// placeClasses places all tasks, and tells how many a second, from the first submit to
// the last assignment in the log. The broker, as on a busy machine, is held up for so
// long by each batch of the log.
func placeClasses(b *testing.B, ack time.Duration) (perSecond float64) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	s, err := Start(ctx, Config{Logger: slog.New(slog.DiscardHandler), Engine: EngineConfig{TTL: 30 * time.Second}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Stop()
	k := kafka.New(kafka.Config{Brokers: s.Brokers()})
	defer k.Close()
	c, err := client.New(client.Config{Brokers: s.Brokers()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()

	topics := events.Topics{Prefix: events.DefaultPrefix}
	s.sites[0].broker.OnProduce(func(topic string, _ int32, _ int) {
		if topic == topics.Events() {
			<-time.After(ack) // As long as a broker elsewhere takes.
		}
	})
	counts := countPlaced(ctx, b, c)
	r := reporter{k.Partition(topics.Reports(), events.PoolPartition(classesPool))}
	r.send(ctx, b, registration)
	<-counts // All are registered.
	beats := make(chan struct{})
	go func() {
		defer close(beats)
		for r.send(ctx, b, heartbeat) {
		}
	}()
	began := time.Now()
	for i := range classesEngines {
		c.SubmitAsync(ctx, client.Task{Pool: classesPool, Kind: "k", Predicate: fmt.Sprintf("engine.labels.class == %d", i)}, func(_ events.TaskID, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	<-counts // All are assigned.
	took := time.Since(began)
	cancel()
	<-beats
	return classesEngines / took.Seconds()
}

// countPlaced follows the log: a value for the last registration, one for the last
// assignment.
func countPlaced(ctx context.Context, b *testing.B, c *client.Client) <-chan struct{} {
	b.Helper()
	counts, began := make(chan struct{}, 2), make(chan struct{})
	registered, assigned := 0, 0
	go func() {
		defer close(counts)
		err := c.Watch(ctx, client.WatchConfig{Pool: classesPool, Began: func() { close(began) }}, func(e client.Event) error {
			switch e.Message.(type) {
			case *events.EngineRegistered:
				registered++
			case *events.TaskAssigned:
				assigned++
			default:
				return nil
			}
			if registered == classesEngines && assigned%classesEngines == 0 {
				counts <- struct{}{}
			}
			return nil
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			b.Error(err)
		}
	}()
	<-began
	return counts
}

// reporter writes the reports of all engines, which take what they are given and never
// finish it.
type reporter struct{ log *kafka.Partition }

// send reports once for every engine, within about a second; false once ctx has ended.
func (r reporter) send(ctx context.Context, b *testing.B, of func(id string, i int) proto.Message) bool {
	b.Helper()
	const each = 200
	for from := 0; from < classesEngines; from += each {
		var batch []events.Record
		for i := from; i < from+each; i++ {
			record, err := events.Encoder{Source: "/bench"}.Encode(fmt.Sprintf("%d-%d", i, time.Now().UnixNano()), of(fmt.Sprintf("e%d", i), i))
			if err != nil {
				b.Error(err)
				return false
			}
			record.Key, record.Timestamp = []byte(classesPool), time.Now().UnixMilli()
			batch = append(batch, record)
		}
		if _, err := r.log.Append(ctx, batch); err != nil {
			if ctx.Err() == nil {
				b.Error(err)
			}
			return false
		}
		select {
		case <-time.After(time.Second * each / classesEngines):
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func registration(id string, i int) proto.Message {
	return &events.EngineRegistration{Engine: &events.Engine{
		Id: id, Incarnation: "1", Pool: classesPool, Kinds: []string{"k"},
		Labels:      map[string]*structpb.Value{"class": structpb.NewNumberValue(float64(i))},
		Allocatable: map[string]int64{"slots": 1}, AssignmentsPartition: events.EnginePartition(events.EngineID(id)),
	}}
}

func heartbeat(id string, _ int) proto.Message {
	return &events.EngineHeartbeat{EngineId: id, Incarnation: "1", Pool: classesPool}
}
