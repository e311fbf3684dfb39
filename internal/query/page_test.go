package query

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

var live = []client.State{client.Pending, client.Assigned, client.Running}

// TestAPageIsTheEndOfTheList: whatever becomes of tasks, a list with a limit is the end
// of the list without one, also where the log begins before the core is known.
func TestAPageIsTheEndOfTheList(t *testing.T) {
	t.Parallel()
	whats := []TaskQuery{
		{States: live}, {}, {States: []client.State{client.Succeeded, client.Rejected}}, {States: []client.State{client.Pending}},
		{Pool: "blue", Kind: "k1"}, {Filter: &events.TaskFilter{IdPrefix: "t1", PendingOnly: true}},
	}
	for seed := range uint64(60) {
		log := lives(rand.New(rand.NewPCG(seed, 1)), 120)
		for n, what := range whats {
			coreAt := int(seed) % 3 * 50 // At the beginning, or later.
			whole, none := listOf(log, what, coreAt)
			for _, limit := range []int{1, 7, 1000} {
				what.Limit = limit
				page, more := listOf(log, what, coreAt)
				want := slices.Clone(whole)
				slices.SortStableFunc(want, func(a, b *Task) int { return int(a.sinceMs() - b.sinceMs()) })
				want = want[max(0, len(want)-limit):]
				if none != 0 || more != len(whole)-len(want) || len(page) != len(want) {
					t.Fatalf("seed %d, query %d, limit %d: %d tasks and %d more of %d", seed, n, limit, len(page), more, len(whole))
				}
				for i, got := range page {
					if g, w := shown(got), shown(want[i]); g != w {
						t.Fatalf("seed %d, query %d, limit %d, place %d:\n%s; want\n%s", seed, n, limit, i, g, w)
					}
				}
			}
		}
	}
}

// shown is a task as lists show it.
func shown(t *Task) string {
	v := t.TaskView
	v.PayloadBytes = 0
	return fmt.Sprintf("%+v started %d, %s", v, t.StartedMs, t.Progress)
}

// listOf makes the list of a log of which the core is known from an index on.
func listOf(log []events.Logged, what TaskQuery, coreAt int) ([]*Task, int) {
	h, core := newHistory(what), placement.New(placement.Config{KeepEnded: 1000, KeepSucceeded: true})
	for i, l := range log {
		if i < coreAt {
			core.Apply(l)
		} else if h.core == nil {
			h.begin(core)
		}
		h.see("spanway.tasks.events", 3, l, &events.Record{Offset: l.Offset})
	}
	if h.core == nil {
		h.begin(core)
	}
	return h.list()
}

// fleet writes the log of tasks with random lives.
type fleet struct {
	*rand.Rand
	log    []events.Logged
	tokens uint64
	tasks  []*events.TaskAssigned // Token 0: it waits; Engine "": it started.
}

func (f *fleet) add(m proto.Message) {
	n := int64(len(f.log))
	f.log = append(f.log, events.Logged{Offset: n, Epoch: 1, N: uint32(n), Type: events.TypeOf(m), Message: m})
}

func lives(r *rand.Rand, steps int) []events.Logged {
	f := &fleet{Rand: r}
	for _, pool := range []string{"blue", "green"} {
		f.add(&events.EngineRegistered{AtMs: 1, Engine: &events.Engine{
			Id: "e", Incarnation: "i" + pool, Pool: pool, Kinds: []string{"k0", "k1"}, Allocatable: map[string]int64{"slots": 1000},
		}})
	}
	for i := range steps {
		ms := int64(10 + i)
		if len(f.tasks) == 0 || r.IntN(3) == 0 {
			id, pool := fmt.Sprint("t", i), []string{"blue", "green"}[r.IntN(2)]
			if r.IntN(6) == 0 {
				f.add(&events.TaskRejected{TaskId: id, Pool: pool, Code: "BAD_DATA", Message: "no", AtMs: ms})
				continue
			}
			f.add(&events.TaskAccepted{AtMs: ms, Task: &events.Task{
				Id: id, Pool: pool, Kind: fmt.Sprint("k", r.IntN(2)), Priority: int32(r.IntN(3)), Payload: []byte("payload"), Retry: &events.RetryPolicy{MaxAttempts: 9},
			}})
			f.tasks = append(f.tasks, &events.TaskAssigned{TaskId: id, Pool: pool})
			continue
		}
		f.live(r.IntN(len(f.tasks)), ms)
	}
	return f.log
}

// live goes on with the life of a task.
func (f *fleet) live(i int, ms int64) {
	t := f.tasks[i]
	if t.Token == 0 {
		if f.IntN(4) == 0 {
			f.add(&events.TaskCancelled{TaskId: t.TaskId, Pool: t.Pool, Reason: "enough", AtMs: ms})
			f.tasks = slices.Delete(f.tasks, i, i+1)
			return
		}
		f.tokens++
		t = &events.TaskAssigned{TaskId: t.TaskId, Pool: t.Pool, EngineId: "e", Incarnation: "i" + t.Pool, Attempt: t.Attempt + 1, Token: f.tokens, AtMs: ms}
		f.add(t)
		f.tasks[i] = t
		return
	}
	switch f.IntN(6) {
	case 0:
		f.add(&events.TaskStarted{TaskId: t.TaskId, Pool: t.Pool, EngineId: "e", Attempt: t.Attempt, Token: t.Token, AtMs: ms})
	case 1:
		f.add(&events.TaskProgressed{TaskId: t.TaskId, Pool: t.Pool, EngineId: "e", Attempt: t.Attempt, Token: t.Token, Data: []byte(fmt.Sprint("at ", ms)), AtMs: ms})
	case 2, 3:
		f.add(&events.TaskAttemptFailed{TaskId: t.TaskId, Pool: t.Pool, EngineId: "e", Attempt: t.Attempt, Token: t.Token, Error: &events.TaskError{Code: "X", Message: "broke"}, AtMs: ms})
		f.tasks[i] = &events.TaskAssigned{TaskId: t.TaskId, Pool: t.Pool, Attempt: t.Attempt}
	case 4:
		f.add(&events.TaskSucceeded{TaskId: t.TaskId, Pool: t.Pool, EngineId: "e", Attempt: t.Attempt, Token: t.Token, Result: []byte("done"), AtMs: ms})
		f.tasks = slices.Delete(f.tasks, i, i+1)
	default:
		f.add(&events.TaskFailed{TaskId: t.TaskId, Pool: t.Pool, EngineId: "e", Attempt: t.Attempt, Token: t.Token, Error: &events.TaskError{Code: "Y", Message: "bad"}, AtMs: ms})
		f.tasks = slices.Delete(f.tasks, i, i+1)
	}
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// memoryOfAList is how many bytes each of n tasks costs in a list, of which limit are
// shown: that of the core, and what is kept besides.
func memoryOfAList(t testing.TB, n, limit int) (core, besides float64) {
	t.Helper()
	empty := heapBytes()
	h := newHistory(TaskQuery{States: live, Limit: limit})
	h.begin(placement.New(placement.Config{PayloadBytes: 1}))
	for i := range n {
		r, err := events.Encoder{Source: "/t"}.Encode(fmt.Sprintf("l/0/1/%d", i), &events.TaskAccepted{AtMs: int64(i), Task: &events.Task{
			Id: fmt.Sprintf("task-%09d", i), Pool: "blue", Kind: fmt.Sprint("kind-", i%10), Payload: make([]byte, 200), Predicate: "engine.labels.gpu >= 1",
		}})
		if err != nil {
			t.Fatal(err)
		}
		env, m, err := events.DecodeTrusted(&r)
		if err != nil {
			t.Fatal(err)
		}
		h.see("spanway.tasks.events", 3, events.Logged{Offset: int64(i), Epoch: 1, N: uint32(i), Type: env.Type, Message: m}, &r)
	}
	tasks, more := h.list()
	both := heapBytes() - empty
	if want := n; len(tasks)+more != want {
		t.Fatalf("%d tasks and %d more; want %d", len(tasks), more, want)
	}
	runtime.KeepAlive(tasks)
	c := h.core
	h = nil
	alone := heapBytes() - empty
	runtime.KeepAlive(c)
	return float64(alone) / float64(n), float64(both-alone) / float64(n)
}

// TestMemoryOfAPage: a list of 1,000 tasks costs the core's memory and little besides,
// however many wait. Without the limit it is twice as much and more.
func TestMemoryOfAPage(t *testing.T) {
	core, besides := memoryOfAList(t, 50_000, 1000)
	t.Logf("of each of 50,000 tasks: the core %.0f bytes, besides %.0f", core, besides)
	if besides > 100 {
		t.Errorf("a list of 1,000 of 50,000 tasks keeps %.0f bytes of each besides the core's %.0f", besides, core)
	}
}

// BenchmarkList is what a list of half a million waiting tasks keeps in memory: run it
// with -benchtime=1x.
func BenchmarkList(b *testing.B) {
	for _, limit := range []int{1000, 0} {
		b.Run(fmt.Sprint("limit=", limit), func(b *testing.B) {
			for range b.N {
				core, besides := memoryOfAList(b, 500_000, limit)
				b.ReportMetric(core, "core-B/task")
				b.ReportMetric(besides, "besides-B/task")
			}
		})
	}
}
