package events_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// ofATask are the records that carry a message of their own for each task.
func ofATask(b *testing.B) map[string]proto.Message {
	b.Helper()
	const id, pool, incarnation = "0193a7e2-7b5c-7cc2-9e0a-0123456789ab", "bench", "0193a7e2-7b5c-7cc2-9e0a-ba9876543210"
	return map[string]proto.Message{
		"request": &events.TaskRequested{TaskId: id, Pool: pool, Kind: "bench", Payload: make([]byte, 200)},
		"assignment": &events.TaskAssigned{
			TaskId: id, Pool: pool, EngineId: "bench-1", Incarnation: incarnation, Attempt: 1, Token: 7, View: 9, AtMs: 1_700_000_000_000,
			Task: &events.Task{Id: id, Pool: pool, Kind: "bench", Payload: make([]byte, 200), Priority: 5, ExecutionTimeoutMs: 600_000},
		},
		"report": &events.AttemptFinished{
			TaskId: id, Pool: pool, EngineId: "bench-1", Incarnation: incarnation, Attempt: 1, Token: 7, Outcome: events.AttemptFinished_SUCCEEDED,
		},
	}
}

func BenchmarkEncode(b *testing.B) {
	e := events.Encoder{Source: "/spanway/local/scheduler"}
	for name, m := range ofATask(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Encode("spanway.tasks.events/3/17/4711", m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	e := events.Encoder{Source: "/spanway/local/scheduler"}
	for name, m := range ofATask(b) {
		r, err := e.Encode("spanway.tasks.events/3/17/4711", m)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := events.Decode(&r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
