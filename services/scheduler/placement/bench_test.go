package placement

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

func BenchmarkCore(b *testing.B) {
	for _, engines := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("engines=%d", engines), func(b *testing.B) { benchCore(b, engines, "") })
	}
}

// BenchmarkCorePrefer is BenchmarkCore with a preference over classes, and over
// what changes with every assignment.
func BenchmarkCorePrefer(b *testing.B) {
	for _, engines := range []int{100, 1000} {
		for name, prefer := range map[string]string{"class": "int(engine.labels.gpu)", "live": "engine.free.slots"} {
			b.Run(fmt.Sprintf("%s/engines=%d", name, engines), func(b *testing.B) { benchCore(b, engines, prefer) })
		}
	}
}

// benchCore accepts, assigns and finishes tasks in batches, as a loaded owner does.
func benchCore(b *testing.B, engines int, prefer string) {
	w := newWorld(b, Config{})
	w.keep, w.replica = false, nil
	for i := range engines {
		w.engine(fmt.Sprintf("e%d", i), "1", map[string]int64{"slots": int64(1 + 1000/engines)}, map[string]any{"gpu": i % 4})
	}
	const batch = 500
	var assigned []*events.TaskAssigned
	w.onEvent = func(l events.Logged) {
		if a, ok := l.Message.(*events.TaskAssigned); ok {
			assigned = append(assigned, a)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for n < b.N {
		b.StopTimer()
		inputs := make([]events.Input[*Prepared], 0, batch)
		for range batch {
			rec, _ := events.Encoder{Source: "/t"}.Encode("x", &events.TaskRequested{
				TaskId: fmt.Sprintf("task-%09d", n), Pool: blue, Kind: "k", Payload: make([]byte, 200), Predicate: "engine.labels.gpu >= 0", Prefer: prefer})
			inputs = append(inputs, events.Input[*Prepared]{Value: w.prep.Prepare(w.cfg.Topics.Requests(), w.cfg.Partition, &rec)})
			n++
		}
		b.StartTimer()
		for _, in := range inputs {
			w.state.Decide(in, w.clock(), w.emit)
		}
		w.advance()
		done := assigned
		assigned = nil
		b.StopTimer()
		inputs = inputs[:0]
		for _, a := range done {
			rec, _ := events.Encoder{Source: "/t"}.Encode("x", &events.AttemptFinished{
				TaskId: a.TaskId, Pool: blue, EngineId: a.EngineId, Token: a.Token, Attempt: a.Attempt, Outcome: events.AttemptFinished_SUCCEEDED})
			inputs = append(inputs, events.Input[*Prepared]{Value: w.prep.Prepare(w.cfg.Topics.Reports(), w.cfg.Partition, &rec)})
		}
		b.StartTimer()
		for _, in := range inputs {
			w.state.Decide(in, w.clock(), w.emit)
		}
	}
}
