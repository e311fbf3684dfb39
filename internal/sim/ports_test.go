package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner/logownertest"
)

// within runs a body in a process of a world in which nothing goes wrong, but much
// takes its time.
func within(t *testing.T, body func(p *sim.Process)) {
	t.Helper()
	w := sim.NewWorld(1)
	w.Chances = sim.Chances{Slow: 0.1, SlowMax: 300 * time.Millisecond}
	ended := false
	p := w.Spawn(func(p *sim.Process) {
		body(p)
		ended = true
	})
	w.Run(24 * time.Hour)
	p.Crash()
	if !ended {
		t.Error("the body has not ended after a day")
	}
}

const settled = 10 * time.Second

func TestOutboxContract(t *testing.T) {
	t.Parallel()
	logownertest.Outbox(t, func(t *testing.T, body func(logownertest.OutboxPort)) {
		t.Helper()
		within(t, func(p *sim.Process) {
			out := [2]*sim.Partition{sim.NewPartition(), sim.NewPartition()}
			body(logownertest.OutboxPort{
				Topic: "out",
				Outbox: &sim.Outbox{Producer: &sim.Producer{Process: p}, Partition: func(_ string, partition int32) *sim.Partition {
					return out[partition]
				}},
				Hold:   func(held bool) { p.Muted = held },
				Settle: func() { p.Sleep(settled) },
				Arrived: func(partition int32) (values []string) {
					for _, r := range out[partition].Records() {
						values = append(values, string(r.Value))
					}
					return values
				},
			})
		})
	})
}

func TestInputsContract(t *testing.T) {
	t.Parallel()
	logownertest.Inputs(t, func(t *testing.T, body func(logownertest.InputsPort)) {
		t.Helper()
		within(t, func(p *sim.Process) {
			in := &sim.Inputs[string]{Process: p, Max: 5}
			var topics [2]eventlog.TopicPartition
			for i, name := range []string{"a", "b"} {
				topics[i] = eventlog.TopicPartition{Topic: name}
				in.Sources = append(in.Sources, sim.Source[string]{
					TopicPartition: topics[i], Partition: sim.NewPartition(),
					Prepare: func(r *events.Record) string { return string(r.Value) },
				})
			}
			body(logownertest.InputsPort{
				Inputs: in, Topics: topics, Now: p.World.Now,
				Append: func(topic int, values ...string) {
					for _, v := range values {
						_, _ = in.Sources[topic].Append(context.Background(), []events.Record{{Value: []byte(v)}})
					}
				},
			})
		})
	})
}

func TestKeeperContract(t *testing.T) {
	t.Parallel()
	logownertest.Keeper(t, func(t *testing.T, body func(logownertest.KeeperPort)) {
		t.Helper()
		within(t, func(p *sim.Process) {
			k := &sim.Keeper{
				World: p.World, Started: func(*sim.Process) {}, Ended: func() {},
				Work: func(job *sim.Process) *eventlog.Housekeeper {
					return &eventlog.Housekeeper{
						Log: sim.NewPartition().Open(job), Now: p.World.Now,
						Snapshots: &eventlog.Snapshots{Log: sim.NewPartition().Open(job), Topic: "t"},
					}
				},
			}
			body(logownertest.KeeperPort{Keeper: k, Settle: func() { p.Sleep(settled) }})
		})
	})
}
