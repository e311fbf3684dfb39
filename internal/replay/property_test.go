package replay

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

// TestCoreMadeLogsReplayAlike: of a log that the core itself made, the run with the
// recorded engines and policy is the record: every placement on the same engine at
// the same time.
func TestCoreMadeLogsReplayAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := random(t)
		rec := m.record(Window{})
		var got []string
		out, err := Run(rec, Scenario{watch: func(a *events.TaskAssigned) {
			got = append(got, fmt.Sprintf("%s on %s at %d", a.TaskId, a.EngineId, a.AtMs))
		}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m.placements(), got); diff != "" {
			t.Fatalf("placements differ (-record +run):\n%s", diff)
		}
		r, err := Compare(rec, Scenario{})
		if err != nil || r.Drift != (Difference{}) || r.Change != (Difference{}) {
			t.Fatalf("drift %+v, change %+v, %v", r.Drift, r.Change, err)
		}
		for _, res := range out.tasks { // Only who waits for a task that was refused waits for ever.
			if res.end == running || res.end == pending && len(res.task.After) == 0 {
				t.Fatalf("%s has not ended: %s", res.task.Id, res.reason)
			}
		}
	})
}

// TestReportsAreDeterministic: the same log and files give the same bytes.
func TestReportsAreDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := random(t)
		f, err := ParseFleet([]byte("- {id: a, count: 2, allocatable: {slots: 2}}\n- {id: b, labels: {n: 1}, allocatable: {slots: 1}}"))
		if err != nil {
			t.Fatal(err)
		}
		var first string
		for range 2 {
			r, err := Compare(m.record(Window{}), Scenario{Fleet: f})
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			text := string(b)
			if first == "" {
				first = text
			} else if text != first {
				t.Fatal(cmp.Diff(first, text))
			}
		}
	})
}

// random makes a log in which all that was asked for can end.
func random(t *rapid.T) *maker {
	m := newMaker(t)
	m.send(&events.PoolConfigureRequested{Pool: string(blue), Settings: &events.PoolSettings{
		TenantWeights:  map[string]int32{"a": rapid.Int32Range(1, 5).Draw(t, "weight")},
		ReserveAfterMs: rapid.SampledFrom([]int64{-1, 0, 20, 100}).Draw(t, "reserve"),
	}})
	m.engine("last", 4, map[string]any{"n": 0})
	for i := range rapid.IntRange(0, 4).Draw(t, "engines") {
		id := fmt.Sprint("e", i)
		slots := rapid.Int64Range(1, 4).Draw(t, "slots")
		joins := rapid.Int64Range(0, 500).Draw(t, "joins")
		m.later(joins, func() { m.engine(id, slots, map[string]any{"n": i % 2}) })
		if rapid.IntRange(0, 3).Draw(t, "leaves") == 0 {
			m.later(joins+rapid.Int64Range(1, 800).Draw(t, "stays"), func() { m.depart(id) })
		}
	}
	for i := range rapid.IntRange(1, 40).Draw(t, "tasks") {
		id := fmt.Sprint("t", i)
		where := rapid.SampledFrom([]string{"", "", "engine.labels.n == 0", "engine.free.slots >= 2", "engine.id == 'last'"}).Draw(t, "where")
		priority := rapid.Int32Range(0, 9).Draw(t, "priority")
		var list []work
		for range rapid.IntRange(0, 2).Draw(t, "failures") {
			list = append(list, work{rapid.Int64Range(0, 50).Draw(t, "ms"), events.AttemptFinished_FAILED})
		}
		list = append(list, work{rapid.Int64Range(0, 200).Draw(t, "ms"), rapid.SampledFrom([]events.AttemptFinished_Outcome{
			events.AttemptFinished_SUCCEEDED, events.AttemptFinished_SUCCEEDED, events.AttemptFinished_FAILED_FINALLY, events.AttemptFinished_FAILED,
		}).Draw(t, "outcome")})
		arrives := rapid.Int64Range(0, 600).Draw(t, "arrives")
		slots := rapid.SampledFrom([]float64{1, 1, 2, 4}).Draw(t, "needs")
		tenant := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "tenant")
		limit := rapid.SampledFrom([]string{"", "", "x", "y"}).Draw(t, "limit")
		after := rapid.IntRange(-3*i-3, i).Draw(t, "follows")
		pause := rapid.SampledFrom([]int64{0, 0, 250}).Draw(t, "pause")
		m.later(arrives, func() {
			m.task(id, 0, func(r *events.TaskRequested) {
				r.Predicate, r.Priority, r.Tenant, r.LimitKey = where, &priority, tenant, limit
				r.Needs = map[string]*structpb.Value{"slots": structpb.NewNumberValue(slots)}
				if after >= 0 && after < i {
					r.After = []string{fmt.Sprint("t", after)}
				}
				if pause > 0 {
					r.NotBefore = time.UnixMilli(beginMs + arrives + pause).UTC().Format("2006-01-02T15:04:05.000Z07:00")
				}
				three := int32(3)
				r.Retry = &events.RetryRequested{MaxAttempts: &three, InitialBackoff: "20ms"}
			})
			m.works[id] = list
		})
		if rapid.IntRange(0, 9).Draw(t, "cancelled") == 0 {
			m.later(arrives+rapid.Int64Range(0, 300).Draw(t, "after"), func() {
				m.send(&events.TaskCancelRequested{TaskId: id, Pool: string(blue)})
			})
		}
	}
	m.run(12_000)
	return m
}
