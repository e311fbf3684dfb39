package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// other is the scheduler's side of a real broker.
type other struct {
	t      *testing.T
	client *kafka.Client
	n      int
}

func (o *other) publish(m proto.Message) {
	o.t.Helper()
	o.n++
	id := fmt.Sprintf("%s/0/1/%d", topics.Events(), o.n)
	r, err := events.Encoder{Source: "/test"}.Encode(id, m, events.Header{Key: events.HeaderFrom, Value: []byte(id)})
	if err != nil {
		o.t.Fatal(err)
	}
	r.Key, r.Timestamp = []byte("e1"), time.Now().UnixMilli()
	if _, err := o.client.Partition(topics.Assignments(), events.EnginePartition("e1")).Append(o.t.Context(), []events.Record{r}); err != nil {
		o.t.Fatal(err)
	}
}

// until reads the reports up to one that fits.
func until[M proto.Message](o *other, fits func(M) bool) M {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	p := o.client.Partition(topics.Reports(), events.PoolPartition("default"))
	for from := int64(0); ; {
		page, err := p.Fetch(ctx, from, time.Second)
		if err != nil {
			o.t.Fatal(err)
		}
		for i := range page.Records {
			_, m, err := events.Decode(&page.Records[i])
			if err != nil {
				o.t.Fatal(err)
			}
			if m, ok := m.(M); ok && fits(m) {
				return m
			}
		}
		from = page.Next
	}
}

func TestOnABroker(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	client := kafka.New(kafka.Config{Brokers: b.Addrs()})
	defer client.Close()
	e, err := New(Config{Brokers: b.Addrs(), ID: "e1"})
	if err != nil {
		t.Fatal(err)
	}
	e.Handle("echo", func(_ context.Context, t *Task) ([]byte, error) { return t.Payload, nil })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }() // Before its topics are there.
	if _, err := client.Ensure(t.Context(), events.Specs(topics.Catalogue())); err != nil {
		t.Fatal(err)
	}

	o := &other{t: t, client: client}
	r := until(o, func(*events.EngineRegistration) bool { return true })
	o.publish(&events.EngineRegistered{Engine: r.Engine})
	await(t, "the engine to be ready", e.Ready())
	o.publish(&events.TaskAssigned{
		TaskId: "t", Pool: "default", EngineId: "e1", Incarnation: r.Engine.Incarnation, Attempt: 1, Token: 7,
		Task: &events.Task{Id: "t", Pool: "default", Kind: "echo", Payload: []byte("hello")},
	})
	f := until(o, func(*events.AttemptFinished) bool { return true })
	if f.Token != 7 || string(f.Result) != "hello" || f.Outcome != events.AttemptFinished_SUCCEEDED {
		t.Errorf("reported %v", f)
	}
	cancel()
	if err := await(t, "Run to return", ended); err != nil {
		t.Error(err)
	}
	until(o, func(l *events.EngineLeaving) bool { return l.Departed })
}

func TestSharedClusterStaysOpen(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	shared, err := cluster.Open(cluster.Config{Brokers: b.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	if _, err := shared.Ensure(t.Context(), events.Specs(topics.Catalogue())); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e, err := New(Config{ID: "e1"}, WithCluster(shared))
	if err != nil {
		t.Fatal(err)
	}
	e.Handle("echo", held(nil))
	if err := e.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := shared.Check(t.Context()); err != nil {
		t.Errorf("the shared cluster was closed: %v", err)
	}
}
