package placement

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// cpu is what the process has used, in seconds: other processes do not count.
func cpu(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

const million = 1_000_000

// acceptedRecords gives the records of a log of n waiting tasks.
func acceptedRecords(b *testing.B, n int) []events.Record {
	out := make([]events.Record, n)
	for i := range out {
		m := &events.TaskAccepted{AtMs: 1_700_000_000_000 + int64(i), Task: &events.Task{
			Id: fmt.Sprintf("task-%09d", i), Pool: blue, Kind: fmt.Sprintf("kind-%d", i%10), Payload: make([]byte, 200),
			Predicate: fmt.Sprintf("engine.labels.gpu >= %d", i%100), Priority: int32(i % 10), ExecutionTimeoutMs: 600_000,
		}}
		r, err := events.Encoder{Source: "/t"}.Encode(fmt.Sprintf("l/0/1/%d", i), m)
		if err != nil {
			b.Fatal(err)
		}
		r.Offset = int64(i + 1)
		out[i] = r
	}
	return out
}

func foldRecords(b *testing.B, s *State, records []events.Record) {
	for i := range records {
		env, m, err := events.DecodeTrusted(&records[i])
		if err != nil {
			b.Fatal(err)
		}
		s.Apply(events.Logged{Offset: records[i].Offset, Epoch: 1, N: uint32(i), Type: env.Type, Message: m})
	}
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkMillionWaiting is what a million waiting tasks with 200 bytes of
// payload cost: run it with -benchtime=1x. Seconds are of CPU, of all threads.
func BenchmarkMillionWaiting(b *testing.B) {
	records := acceptedRecords(b, million)
	measure := func(name string, do func()) {
		before := cpu(b)
		do()
		b.ReportMetric(cpu(b)-before, name+"-cpu-s")
	}
	b.ResetTimer()
	for range b.N {
		s := New(Config{})
		empty := liveHeap()
		measure("fold", func() { foldRecords(b, s, records) })
		b.ReportMetric(float64(liveHeap()-empty)/million, "heap-B/task")
		var state []byte
		measure("snapshot", func() { state = s.Snapshot(nil) })
		b.ReportMetric(float64(len(state))/million, "snapshot-B/task")
		runtime.KeepAlive(s)
		s = nil
		e, err := zstd.NewWriter(nil)
		if err != nil {
			b.Fatal(err)
		}
		small := e.EncodeAll(state, nil)
		b.ReportMetric(float64(len(small))/million, "compressed-B/task")
		state = nil
		r := New(Config{})
		empty = liveHeap()
		measure("restore", func() {
			d, err := zstd.NewReader(nil)
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			plain, err := d.DecodeAll(small, nil)
			if err != nil {
				b.Fatal(err)
			}
			if err := r.Restore(plain); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(float64(liveHeap()-empty)/million, "restored-heap-B/task")
		measure("lead", func() { r.lead(0) })
		b.ReportMetric(float64(liveHeap()-empty)/million, "leading-heap-B/task")
		runtime.KeepAlive(r)
	}
}

// BenchmarkWindow is what four million remembered IDs cost.
func BenchmarkWindow(b *testing.B) {
	const n = 4 * million
	s := New(Config{})
	for i := range n {
		s.ended.add(endedEntry{key: keyOf(blue, fmt.Sprint(i)), at: int64(i) / 100, offset: int64(i) * 4, token: uint64(i)}, n)
	}
	b.ResetTimer()
	for range b.N {
		before := cpu(b)
		state := s.Snapshot(nil)
		b.ReportMetric(cpu(b)-before, "snapshot-cpu-s")
		b.ReportMetric(float64(len(state))/n, "snapshot-B/ID")
		before = cpu(b)
		if err := New(Config{}).Restore(state); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(cpu(b)-before, "restore-cpu-s")
	}
}

// BenchmarkFoldMillion folds a log of a million tasks that were accepted,
// assigned, started and done: run it with -benchtime=1x.
func BenchmarkFoldMillion(b *testing.B) {
	const part = 10_000
	for range b.N {
		s := New(Config{})
		var offset int64
		encode := func(m proto.Message) events.Record {
			r, err := events.Encoder{Source: "/t"}.Encode(fmt.Sprintf("l/0/1/%d", offset), m)
			if err != nil {
				b.Fatal(err)
			}
			offset++
			r.Offset = offset
			return r
		}
		foldRecords(b, s, []events.Record{encode(&events.EngineRegistered{
			Engine: &events.Engine{Id: "e1", Incarnation: "1", Pool: blue, Allocatable: map[string]int64{"slots": part}}})})
		used := 0.0
		for first := 0; first < million; first += part {
			var records []events.Record
			each := func(event func(id string, n int) proto.Message) {
				for i := range part {
					records = append(records, encode(event(fmt.Sprintf("task-%09d", first+i), first+i)))
				}
			}
			each(func(id string, n int) proto.Message {
				return &events.TaskAccepted{AtMs: int64(n), Task: &events.Task{
					Id: id, Pool: blue, Kind: "k", Payload: make([]byte, 200), Predicate: "engine.labels.gpu >= 1"}}
			})
			each(func(id string, n int) proto.Message {
				return &events.TaskAssigned{TaskId: id, Pool: blue, EngineId: "e1", Incarnation: "1", Attempt: 1, Token: uint64(n + 1), AtMs: int64(n)}
			})
			each(func(id string, n int) proto.Message {
				return &events.TaskStarted{TaskId: id, Pool: blue, EngineId: "e1", Attempt: 1, Token: uint64(n + 1), AtMs: int64(n)}
			})
			each(func(id string, n int) proto.Message {
				return &events.TaskSucceeded{TaskId: id, Pool: blue, EngineId: "e1", Attempt: 1, Token: uint64(n + 1), AtMs: int64(n)}
			})
			before := cpu(b)
			foldRecords(b, s, records)
			used += cpu(b) - before
		}
		if s.ended.used != million {
			b.Fatalf("%d of the tasks ended", s.ended.used)
		}
		b.ReportMetric(used, "fold-cpu-s")
	}
}
