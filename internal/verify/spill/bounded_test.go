package spill

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/internal/verify/handmade"
	"github.com/spanway/spanway/internal/verify/tasks"
	"github.com/spanway/spanway/pkg/events"
)

// history is a log in which nothing is open for long: tasks run one after the other,
// each with a limit key of its own and after the first task, on an engine that leaves
// then; and the engine of the first attempt reports it again and again.
type history struct {
	*handmade.Log
	judge *tasks.Partition
	tasks int
}

func newHistory(t testing.TB, memory chain.Memory) *history {
	t.Helper()
	h := &history{Log: handmade.New(t), judge: tasks.NewPartition(handmade.Topic, handmade.Partition, tasks.Options{NoneOpen: true, Memory: memory})}
	h.Batch(&events.LogFoldVersionRaised{Version: 2})
	h.goOn(1)
	return h
}

// goOn has n tasks begin and end.
func (h *history) goOn(n int) {
	for range n {
		h.tasks++
		id, engine, token := fmt.Sprintf("task-%d", h.tasks), fmt.Sprintf("engine-%d", h.tasks), uint64(h.tasks)
		task := &events.Task{Id: id, Pool: "p", Kind: "k", LimitKey: id}
		if h.tasks > 1 {
			task.After = []string{"task-1"}
		}
		h.Batch([]proto.Message{
			&events.EngineRegistered{Engine: &events.Engine{Id: engine, Incarnation: "i", Pool: "p", Kinds: []string{"k"}, Allocatable: map[string]int64{"slots": 1}}},
			&events.TaskAccepted{Task: task},
			&events.TaskAssigned{TaskId: id, Pool: "p", EngineId: engine, Incarnation: "i", Attempt: 1, Token: token, View: h.Next() + 1},
			&events.TaskSucceeded{TaskId: id, Pool: "p", EngineId: engine, Attempt: 1, Token: token},
			&events.EngineDeparted{EngineId: engine, Incarnation: "i", Pool: "p"},
			&events.TaskStaleResultRejected{TaskId: "task-1", Pool: "p", EngineId: "engine-1", Token: 1},
		}...)
		h.Drop(h.judge.Feed)
	}
}

// live are the bytes on the heap.
func live() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryIsBounded: what is over takes no memory.
func TestMemoryIsBounded(t *testing.T) {
	table := newTable(t.TempDir(), 1000, 256)
	h := newHistory(t, table)
	h.goOn(2_000)
	before := live()
	h.goOn(8_000)
	if grown := live() - before; grown > 256<<10 {
		t.Errorf("8,000 tasks that ended take %d bytes", grown)
	}
	// Whatever is wrong with the first of them is found all the same.
	repeat := h.Made(&events.TaskSucceeded{TaskId: "task-1", Pool: "p", EngineId: "engine-1", Token: 1})
	h.Land(repeat...)
	h.History = chain.Hash(h.History, repeat)
	h.Batch(&events.TaskAccepted{Task: &events.Task{Id: "task-2", Pool: "p", Kind: "k"}},
		&events.TaskStaleResultRejected{TaskId: "task-1", Pool: "p", EngineId: "engine-2", Token: 1})
	h.Land(repeat...)
	h.Drop(h.judge.Feed)
	r := h.judge.Report()
	if r.Tasks != 10_002 || r.Violations != 4 || r.Skipped["repeat"] != 1 {
		t.Errorf("%d tasks, %v skipped, findings %+v; want a second result, a second acceptance, a forged report, an open task and a repeat", r.Tasks, r.Skipped, r.Findings)
	}
	if err := errors.Join(table.Err(), table.Close()); err != nil {
		t.Error(err)
	}
}

// BenchmarkBounded tells what the heap has grown by for b.N tasks that ended, the first
// 50,000 of them left out: -benchtime 1000000x.
func BenchmarkBounded(b *testing.B) {
	table := New(b.TempDir())
	h := newHistory(b, table)
	h.goOn(50_000)
	before := live()
	b.ResetTimer()
	h.goOn(b.N)
	b.StopTimer()
	b.ReportMetric(float64(live()-before)/1024, "heap-KiB")
	b.ReportMetric(float64(table.file.pages*pageBytes)/(1<<20), "file-MiB")
	if r := h.judge.Report(); !r.OK() {
		b.Fatal(r.Findings[0])
	}
	if err := errors.Join(table.Err(), table.Close()); err != nil {
		b.Fatal(err)
	}
}
