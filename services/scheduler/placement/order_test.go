package placement

import (
	"flag"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

// share runs engines of one slot in turn for `rounds` assignments and counts who
// got them.
func (w *world) share(rounds int) map[string]int {
	got := map[string]int{}
	for range rounds {
		for t := w.state.pools[blue].first; t != nil; t = t.next {
			if t.status == assigned {
				got[t.tmpl.tenant]++
				w.finish(t.id, events.AttemptFinished_SUCCEEDED)
				break
			}
		}
		w.advance()
	}
	return got
}

func (w *world) flood(tenant string, n int, change func(*events.TaskRequested)) {
	for i := range n {
		r := &events.TaskRequested{TaskId: fmt.Sprintf("%s-%d-%d", tenant, w.inputs, i), Pool: blue, Kind: "k", Tenant: tenant}
		if change != nil {
			change(r)
		}
		w.send(r)
	}
}

// TestSharesConverge: two tenants with work get it as their weights say, whatever
// they need and by which way it is placed, and one that comes late is served at once.
func TestSharesConverge(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("60")
		defer func() { _ = f.Value.Set(f.DefValue) }()
	}
	rapid.Check(t, func(rt *rapid.T) {
		a, b := rapid.IntRange(1, 9).Draw(rt, "a"), rapid.IntRange(1, 9).Draw(rt, "b")
		w := newWorld(t, Config{})
		w.replica = nil
		w.engine("e1", "1", map[string]int64{"slots": 1, "mem": 4}, nil)
		w.send(&events.PoolConfigureRequested{Pool: blue, Settings: &events.PoolSettings{
			TenantWeights: map[string]int32{"a": int32(a), "b": int32(b)}}})
		kinds := []func(*events.TaskRequested){nil,
			func(r *events.TaskRequested) { r.Predicate = "engine.free.slots > 0" },
			func(r *events.TaskRequested) {
				r.Needs = map[string]*structpb.Value{"slots": structpb.NewNumberValue(1), "mem": structpb.NewNumberValue(2)}
			}}
		way := kinds[rapid.IntRange(0, 2).Draw(rt, "way")]
		w.flood("stuck", 3, func(r *events.TaskRequested) { r.Predicate = "engine.site == 'mars'" })
		const rounds = 200
		w.flood("a", rounds+50, way)
		w.flood("b", rounds+50, way)
		w.advance()
		got := w.share(rounds)
		want := float64(rounds) * float64(a) / float64(a+b)
		if math.Abs(float64(got["a"])-want) > 3 {
			rt.Fatalf("of %d tasks a got %d, with weights %d to %d it ought to get %.1f", rounds, got["a"], a, b, want)
		}
		w.flood("late", 5, way)
		if late := w.share(6); late["late"] == 0 {
			rt.Fatalf("who came late waits for more than a round: %v", late)
		}
	})
}

// TestStuckTenantGetsNoBurst: who could not be placed for long is served next, and
// then by turns.
func TestStuckTenantGetsNoBurst(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	w.flood("stuck", 30, func(r *events.TaskRequested) { r.Predicate = "engine.labels.new == 1" })
	w.flood("busy", 100, nil)
	w.advance()
	w.share(50)
	w.engine("e1", "2", map[string]int64{"slots": 1}, map[string]any{"new": 1})
	w.advance()
	if got := w.share(20); got["stuck"] < 9 || got["stuck"] > 11 {
		t.Errorf("of 20 turns the tenant that was stuck got %d", got["stuck"])
	}
}

// TestNewTenantsDoNotStarve: however many tenants come with one task each, who
// waits longer has its turn.
func TestNewTenantsDoNotStarve(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	w.flood("old", 20, nil)
	w.advance()
	old := 0
	for i := range 40 {
		w.flood(fmt.Sprintf("new%d", i), 1, nil)
		old += w.share(1)["old"]
	}
	if old < 6 { // Its share falls as the number of those grows that wait.
		t.Errorf("of 40 turns the tenant with a backlog got %d", old)
	}
}

// TestUrgencyAgesAcrossTenants: whose task is the oldest at a lower priority has
// its turn before newer ones at a higher one, whoever they are of.
func TestUrgencyAgesAcrossTenants(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	w.flood("a", 2, nil)
	w.flood("low", 1, func(r *events.TaskRequested) { r.Priority = proto.Int32(0) })
	w.now += 6 * agingMs
	w.heartbeat("e1")
	w.flood("a", 20, nil)
	w.flood("b", 20, nil)
	w.advance()
	if got := w.share(5); got["low"] != 1 {
		t.Errorf("after six minutes the task of priority 0 had no turn: %v", got)
	}
}

// TestLargeTaskIsPlaced: beside an endless stream of small tasks a large one is
// placed within reserve_after and the longest task.
func TestLargeTaskIsPlaced(t *testing.T) {
	for _, engines := range []int{1, 5} {
		w := newWorld(t, Config{})
		w.replica = nil
		for i := range engines {
			w.engine(fmt.Sprintf("e%d", i), "1", map[string]int64{"slots": 8}, nil)
		}
		const longest = 30_000
		ends := map[string]int64{}
		w.onEvent = func(l events.Logged) {
			if m, ok := l.Message.(*events.TaskAssigned); ok {
				ends[m.TaskId] = m.AtMs + longest/3 + int64(m.Token*7919)%(longest*2/3)
			}
		}
		submitted := 0
		began := w.now + 40_000
		for w.now < began+200_000 && (w.task("large") == nil || w.task("large").status == waiting) {
			if w.now == began {
				w.send(&events.TaskRequested{TaskId: "large", Pool: blue, Kind: "k", Needs: map[string]*structpb.Value{"slots": structpb.NewNumberValue(8)}})
			}
			for _, id := range slices.Sorted(func(yield func(string) bool) {
				for id, at := range ends {
					if at <= w.now && !yield(id) {
						return
					}
				}
			}) {
				delete(ends, id)
				w.finish(id, events.AttemptFinished_SUCCEEDED)
			}
			ahead := 1 // What comes before the large task goes before it.
			if w.now > began {
				ahead = 20
			}
			for w.state.pools[blue].waiting < ahead {
				submitted++
				w.submit(fmt.Sprintf("small-%d", submitted), "")
			}
			w.advance()
			w.now += 500
			for i := range engines {
				w.heartbeat(fmt.Sprintf("e%d", i))
			}
		}
		took := w.now - began
		if took > DefaultReserveAfter.Milliseconds()+longest+1_000 {
			t.Errorf("with %d engines the large task waited %dms", engines, took)
		}
		t.Logf("with %d engines the large task waited %dms behind %d small ones", engines, took, submitted)
	}
}

// TestReservedAfterItsTime: what may not begin yet is not passed over, though
// others that are as large were.
func TestReservedAfterItsTime(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 2}, nil)
	w.submit("small", "")
	w.advance()
	large := func(id string, after time.Duration) {
		w.send(&events.TaskRequested{
			TaskId: id, Pool: blue, Kind: "k", Needs: map[string]*structpb.Value{"slots": structpb.NewNumberValue(2)},
			NotBefore: time.UnixMilli(w.now).Add(after).UTC().Format(time.RFC3339Nano),
		})
	}
	large("first", 0)
	large("later", 9*time.Second)
	began, reserved := w.now, int64(0)
	w.onEvent = func(l events.Logged) {
		if m, ok := l.Message.(*events.TaskReserved); ok && m.TaskId == "later" {
			reserved = m.AtMs - began
		}
	}
	for ; w.now < began+30_000; w.now += 500 {
		if w.now == began+9_500 { // Else it were the first's turn.
			w.send(&events.TaskCancelRequested{TaskId: "first", Pool: blue})
		}
		w.heartbeat("e1")
		w.advance()
	}
	if reserved != 19_000 {
		t.Errorf("the engine is reserved %dms after the acceptance, want 10s after the time of the task: 19000ms", reserved)
	}
}

// TestParkedCostNothing: what is at its limit, waits for others, or is passed over
// costs no evaluation while nothing changes.
func TestParkedCostNothing(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 50}, map[string]any{"n": 1})
	w.flood("", 1_000, func(r *events.TaskRequested) { r.LimitKey, r.Predicate = "db", "engine.free.slots > 1" })
	w.flood("t", 1_000, func(r *events.TaskRequested) { r.LimitKey, r.Predicate = "db", "engine.labels.n == 1" })
	w.flood("u", 1_000, func(r *events.TaskRequested) { r.After, r.Predicate = []string{"absent"}, "engine.free.slots > 2" })
	w.send(&events.TaskRequested{TaskId: "large", Pool: blue, Kind: "k", Needs: map[string]*structpb.Value{"slots": structpb.NewNumberValue(50)}})
	w.advance()
	w.now += 20_000
	w.heartbeat("e1")
	w.advance()
	before := w.state.Evaluations()
	for range 100 {
		w.now += 1_000
		w.heartbeat("e1")
		w.advance()
	}
	if n := w.state.Evaluations() - before; n != 0 {
		t.Errorf("%d evaluations while nothing changed", n)
	}
	if p := w.state.pools[blue]; p.running != 1 || len(p.reserved) != 1 {
		t.Errorf("%d run and %d engines are reserved", p.running, len(p.reserved))
	}
}

// TestUnknownDependencies are waited for as long as ended tasks are remembered.
func TestUnknownDependencies(t *testing.T) {
	w := newWorld(t, Config{})
	w.now = 1_800_000_000_000
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	after := func(ids ...string) func(*events.TaskRequested) {
		return func(r *events.TaskRequested) { r.After = ids }
	}
	w.flood("a", 1, after("018f0000-0000-7000-8000-000000000000"))
	if m, ok := w.log[len(w.log)-1].Message.(*events.TaskRejected); !ok || m.Code != string(events.CodeUnknownDependency) {
		t.Errorf("a dependency of years ago: %v", w.log[len(w.log)-1].Message)
	}
	w.flood("b", 2_500, after("never"))
	for range 24*60 + 1 {
		w.now += 60_000
		w.submit("t", "")
		w.heartbeat("e1")
	}
	if n := w.state.pools[blue].waiting; n < 2_500 {
		t.Fatalf("%d wait for the task that is unknown", n)
	}
	parts := 0
	for more := true; more; parts++ {
		before := len(w.log)
		more = w.state.Advance(w.clock(), w.emit)
		if n := len(w.log) - before; n > maxEvents+10 {
			t.Fatalf("%d events in one Advance", n)
		}
	}
	cancelled := 0
	for _, l := range w.log {
		if m, ok := l.Message.(*events.TaskCancelled); ok && m.Reason == `DEPENDENCY_FAILED: task "never" is still unknown` {
			cancelled++
		}
	}
	if cancelled != 2_500 || parts < 2 || len(w.state.pools[blue].dependencies) != 0 {
		t.Errorf("%d were cancelled in %d parts, %d dependencies are left", cancelled, parts, len(w.state.pools[blue].dependencies))
	}
}

// TestLongChainFails: a chain is cancelled from its beginning to its end, in
// bounded parts; and no cycle is looked for where none can be.
func TestLongChainFails(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	const n = 5_000
	w.submit("c0", "")
	for i := 1; i < n; i++ {
		w.send(&events.TaskRequested{TaskId: fmt.Sprintf("c%d", i), Pool: blue, Kind: "k", After: []string{fmt.Sprintf("c%d", i-1)}})
	}
	w.advance()
	w.finish("c0", events.AttemptFinished_FAILED_FINALLY)
	w.advance()
	if p := w.state.pools[blue]; len(p.tasks) != 0 || len(p.dependencies) != 0 {
		t.Errorf("%d tasks and %d dependencies are left", len(p.tasks), len(p.dependencies))
	}
	// Forward references are searched, up to a bound.
	for i := range maxCycleSearch + 1 {
		w.send(&events.TaskRequested{TaskId: fmt.Sprintf("f%d", i), Pool: blue, Kind: "k", After: []string{fmt.Sprintf("f%d", i+1)}})
	}
	w.send(&events.TaskRequested{TaskId: fmt.Sprintf("f%d", maxCycleSearch+1), Pool: blue, Kind: "k", After: []string{"f0"}})
	if m, ok := w.log[len(w.log)-1].Message.(*events.TaskRejected); !ok || m.Code != string(events.CodeDependencyCycle) {
		t.Errorf("a cycle of %d tasks: %v", maxCycleSearch+2, w.log[len(w.log)-1].Message)
	}
}

// TestFirstVersionFoldsNoOrder: until the log is raised nobody is charged, and who
// waits goes by age alone.
func TestFirstVersionFoldsNoOrder(t *testing.T) {
	w := newWorld(t, Config{FoldVersion: foldFirst})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	w.flood("a", 3, nil)
	w.flood("b", 3, nil)
	w.advance()
	if got := w.share(3); got["a"] != 3 {
		t.Errorf("not by age: %v", got)
	}
	p := w.state.pools[blue]
	for i := range p.levels {
		if p.levels[i].virtual != 0 {
			t.Error("virtual time went on")
		}
	}
	for _, m := range []proto.Message{
		&events.PoolConfigureRequested{Pool: blue},
		&events.TaskRequested{TaskId: "x", Pool: blue, Kind: "k", LimitKey: "db"},
		&events.TaskRequested{TaskId: "y", Pool: blue, Kind: "k", After: []string{"x"}},
	} {
		w.send(m)
		if r, ok := w.log[len(w.log)-1].Message.(*events.TaskRejected); !ok || r.Code != string(events.CodeUnknownField) {
			t.Errorf("%v: %v", m, w.log[len(w.log)-1].Message)
		}
	}
}

func TestSettings(t *testing.T) {
	w := newWorld(t, Config{})
	many := map[string]int32{}
	for i := range 10_001 {
		many[fmt.Sprint(i)] = 1
	}
	for name, s := range map[string]*events.PoolSettings{
		"weight 0": {TenantWeights: map[string]int32{"a": 0}}, "weight 1001": {TenantWeights: map[string]int32{"a": 1001}},
		"too many": {TenantWeights: many}, "control character": {TenantWeights: map[string]int32{"\x01": 1}},
		"two years": {ReserveAfterMs: 2 * 365 * 24 * 3_600_000},
	} {
		before := len(w.log)
		w.send(&events.PoolConfigureRequested{Pool: blue, Settings: s})
		if r, ok := w.log[before].Message.(*events.TaskRejected); !ok || r.Code != string(events.CodeBadData) {
			t.Errorf("%s: %v", name, w.log[before].Message)
		}
	}
	good := &events.PoolSettings{TenantWeights: map[string]int32{"a": 1000}, ReserveAfterMs: -1}
	w.send(&events.PoolConfigureRequested{Pool: blue, Settings: good})
	if got := w.state.Settings(blue); !proto.Equal(got, good) {
		t.Errorf("settings are %v", got)
	}
	if got := restored(t, w.state).Settings(blue); !proto.Equal(got, good) {
		t.Errorf("after a restore they are %v", got)
	}
	// A command for a pool of another partition must not come twice, so it is refused.
	other := "elsewhere"
	rec, err := events.Encoder{Source: "/t"}.Encode("x", &events.PoolConfigureRequested{Pool: other})
	if err != nil {
		t.Fatal(err)
	}
	w.sendRecord(w.cfg.Topics.Requests(), &rec)
	if r, ok := w.log[len(w.log)-1].Message.(*events.TaskRejected); !ok || r.Code != string(events.CodeWrongPartition) {
		t.Errorf("for another partition: %v", w.log[len(w.log)-1].Message)
	}
}
