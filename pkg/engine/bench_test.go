package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// BenchmarkNoop measures what an engine costs per task, without a broker: a
// third of the records it reads are for it, as if three shared its partition.
func BenchmarkNoop(b *testing.B) {
	const share, inFlight = 3, 2000
	done := make(chan struct{}, inFlight)
	m := newMemory()
	// A busy machine must not end the lease: what is prepared here is for this life.
	e, err := New(Config{Brokers: []string{"memory"}, ID: "e1", TTL: time.Hour, Allocatable: map[string]int64{"slots": 1 << 30}},
		func(e *Engine) { e.connect = func() (transport, error) { return &counting{connect(m, e), done}, nil } })
	if err != nil {
		b.Fatal(err)
	}
	e.Handle("noop", func(context.Context, *Task) ([]byte, error) { return nil, nil })
	s := newScheduler(b, m, "default")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-ended })
	await(b, "the engine to be ready", e.Ready())
	at := place(topics.Assignments(), s.engine.AssignmentsPartition)
	records := make([]events.Record, 0, b.N*share)
	for i := range b.N * share {
		records = append(records, assignment(b, s.engine, i+2, i%share == 0))
	}
	b.ResetTimer()
	b.ReportAllocs()
	sent := 0
	for got := 0; got < b.N; {
		for sent < len(records) && sent/share-got < inFlight {
			n := min(share*100, len(records)-sent)
			for _, r := range records[sent : sent+n] {
				m.append(at, r)
			}
			sent += n
		}
		<-done
		got++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// counting swallows finished attempts and counts them.
type counting struct {
	*line
	done chan struct{}
}

func (c *counting) Send(ctx context.Context, r events.Record, done func(int64, error)) {
	if events.TypeOfRecord(&r) == events.TypeAttemptFinished {
		done(0, nil)
		c.done <- struct{}{}
		return
	}
	c.line.Send(ctx, r, done)
}

func assignment(b *testing.B, e *events.Engine, n int, mine bool) events.Record {
	id := fmt.Sprintf("%s/0/1/%d", topics.Events(), n)
	var m proto.Message = &events.TaskAssigned{
		TaskId: fmt.Sprint(n), Pool: e.Pool, EngineId: e.Id, Incarnation: e.Incarnation, Attempt: 1, Token: uint64(n),
		Task: &events.Task{Id: fmt.Sprint(n), Pool: e.Pool, Kind: "noop", Payload: make([]byte, 200), ExecutionTimeoutMs: 600_000},
	}
	r, err := events.Encoder{Source: "/test"}.Encode(id, m, events.Header{Key: events.HeaderFrom, Value: []byte(id)})
	if err != nil {
		b.Fatal(err)
	}
	r.Key = []byte(e.Id)
	if !mine {
		r.Key = []byte("another")
	}
	return r
}
