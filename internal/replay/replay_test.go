package replay

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

// fleet reads a fleet that must be right.
func fleet(t *testing.T, text string) *Fleet {
	t.Helper()
	f, err := ParseFleet([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func policy(t *testing.T, text string) *Policy {
	t.Helper()
	p, err := ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func compare(t *testing.T, rec *Recording, sc Scenario) *Report {
	t.Helper()
	r, err := Compare(rec, sc)
	if err != nil {
		t.Fatal(err)
	}
	if r.Drift != (Difference{}) {
		t.Errorf("the baseline is not the record: %+v", r.Drift)
	}
	return r
}

// steady makes a log of n tasks of 100 ms, all at once, on three engines of one slot.
func steady(t *testing.T, n int) *maker {
	m := newMaker(t)
	for i := range 3 {
		m.engine(fmt.Sprint("e", i+1), 1, map[string]any{"gpu": 1})
	}
	for i := range n {
		m.task(fmt.Sprint("t", i), 100, nil)
	}
	m.run(int64(n)*100 + 1_000)
	return m
}

func TestFewerEnginesWaitLonger(t *testing.T) {
	rec := steady(t, 30).record(Window{})
	same := compare(t, rec, Scenario{})
	if same.Change != (Difference{}) || same.Replay.Placements != 30 || same.Replay.Wait.MaxMs != 900 || same.Replay.MakespanMs != 1_000 {
		t.Errorf("unchanged: %+v", same)
	}
	one := compare(t, rec, Scenario{Fleet: fleet(t, "- {id: e1, allocatable: {slots: 1}}")})
	if one.Replay.Wait.MaxMs != 2_900 || one.Replay.MakespanMs != 3_000 || one.Change.Waiting != 0 {
		t.Errorf("on one engine instead of three: %+v", one.Replay)
	}
	// The same work on twice as many: half the time.
	six := compare(t, rec, Scenario{Fleet: fleet(t, "- {id: e, count: 6, allocatable: {slots: 1}}")})
	if six.Replay.MakespanMs != 500 || len(six.Replay.Engines) != 6 || six.Replay.Engines[0].Placements != 5 {
		t.Errorf("on six engines: %+v", six.Replay)
	}
}

func TestALabelThatIsGone(t *testing.T) {
	m := newMaker(t)
	m.engine("e1", 4, map[string]any{"gpu": 1})
	for i := range 7 {
		m.task(fmt.Sprint("gpu", i), 50, func(r *events.TaskRequested) { r.Predicate = "engine.labels.gpu == 1" })
		m.task(fmt.Sprint("any", i), 50, nil)
	}
	m.run(2_000)
	rec := m.record(Window{})
	r := compare(t, rec, Scenario{Fleet: fleet(t, "- {id: e1, labels: {gpu: 0}, allocatable: {slots: 4}}")})
	want := []Unplaceable{{Reason: "PREDICATE_FALSE", Tasks: 7, Examples: []string{"gpu0", "gpu1", "gpu2", "gpu3", "gpu4"}}}
	if diff := cmp.Diff(want, r.Replay.Unplaced); diff != "" || r.Change.Missed != 7 || r.Replay.Succeeded != 7 {
		t.Errorf("without the label (-want +got):\n%s%+v", diff, r.Change)
	}
	// No such label at all, too little of everything, no handler, nobody.
	for text, reason := range map[string]string{
		"- {id: e1, allocatable: {slots: 4}}":                              "UNKNOWN_ATTRIBUTE",
		"- {id: e1, labels: {gpu: 1}}":                                     "IMPOSSIBLE",
		"- {id: e1, labels: {gpu: 1}, kinds: [], allocatable: {slots: 4}}": "KIND_UNHANDLED",
		"[]": "NO_ENGINE",
	} {
		r := compare(t, rec, Scenario{Fleet: fleet(t, text)})
		if i := slices.IndexFunc(r.Replay.Unplaced, func(u Unplaceable) bool { return string(u.Reason) == reason }); i < 0 {
			t.Errorf("on %s: %+v, want %s", text, r.Replay.Unplaced, reason)
		}
	}
}

func TestPoliciesChangeRequests(t *testing.T) {
	m := newMaker(t)
	m.engine("e1", 2, map[string]any{"gpu": 1})
	m.engine("e2", 2, nil)
	for i := range 20 {
		tenant := []string{"shop", "lab"}[i%2]
		m.task(fmt.Sprint(tenant, i), 100, func(r *events.TaskRequested) { r.Tenant = tenant })
	}
	m.run(2_000)
	rec := m.record(Window{})
	for text, ok := range map[string]func(*Report) bool{
		"tasks: [{tenant: lab, priority: 9}]": func(r *Report) bool {
			return r.Replay.Tenants[0].Wait.MaxMs == 200 && r.Replay.Tenants[1].Wait.MaxMs == 400 && len(r.Replay.Priorities) == 2
		},
		"tasks: [{and_where: engine.labels.gpu == 1}]":     func(r *Report) bool { return r.Replay.MakespanMs == 1_000 && len(r.Replay.Engines) == 1 },
		"tasks: [{kind: k, where: \"engine.id == 'e2'\"}]": func(r *Report) bool { return r.Replay.Engines[0].ID == "e2" && r.Change.Moved > 0 },
		"tasks: [{kind: other, needs: {slots: 9}}]":        func(r *Report) bool { return r.Change == Difference{} },
		"tasks: [{tenant: shop, needs: {slots: 2}}]":       func(r *Report) bool { return r.Replay.MakespanMs == 800 },
		"tasks: [{tenant: shop, and_needs: {memory_bytes: 1Gi}}]": func(r *Report) bool {
			return r.Replay.Unplaced[0].Reason == "IMPOSSIBLE" && r.Replay.Unplaced[0].Tasks == 10
		},
		`{"tasks": [{"tenant": "shop", "priority": 0}, {"priority": 5}]}`: func(r *Report) bool { return r.Change == Difference{} },
	} {
		if r := compare(t, rec, Scenario{Policy: policy(t, text)}); !ok(r) {
			t.Errorf("under %s:\n%s", text, r.Text())
		}
	}
}

// TestFailuresAreRepeated: attempts that failed fail again, with their backoffs;
// dead ones die, cancelled ones are cancelled when they were.
func TestFailuresAreRepeated(t *testing.T) {
	m := newMaker(t)
	m.engine("e1", 1, nil)
	two := int32(2)
	retry := func(r *events.TaskRequested) {
		r.Retry = &events.RetryRequested{MaxAttempts: &two, InitialBackoff: "500ms"}
	}
	m.task("fails-once", 10, retry)
	m.works["fails-once"] = []work{{10, events.AttemptFinished_FAILED}, {20, events.AttemptFinished_SUCCEEDED}}
	m.task("dies", 10, retry)
	m.works["dies"] = []work{{10, events.AttemptFinished_FAILED}}
	m.task("final", 10, nil)
	m.works["final"] = []work{{10, events.AttemptFinished_FAILED_FINALLY}}
	m.task("expires", 10, func(r *events.TaskRequested) { r.Predicate, r.ScheduleTimeout = "engine.site == 'mars'", "1s" })
	m.task("held", -1, nil)
	m.later(1_500, func() { m.send(&events.TaskCancelRequested{TaskId: "held", Pool: string(blue)}) })
	m.run(5_000)
	rec := m.record(Window{})
	r := compare(t, rec, Scenario{})
	want := Side{Tasks: 5, Placed: 4, Succeeded: 1, Failed: 1, Dead: 1, Expired: 1, Cancelled: 1, Placements: 6}
	got := r.Replay
	if got.Succeeded != want.Succeeded || got.Failed != want.Failed || got.Dead != want.Dead || got.Expired != want.Expired ||
		got.Cancelled != want.Cancelled || got.Placements != want.Placements || got.Placed != want.Placed {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if r.Durations.Endless+r.Durations.Estimated != 2 || r.Durations.Measured != 3 {
		t.Errorf("durations %+v", r.Durations)
	}
}

// TestWindows: what had not ended when the window begins is carried into it, what
// had is left out, and what comes after is, too.
func TestWindows(t *testing.T) {
	m := newMaker(t)
	m.engine("e1", 1, nil)
	m.task("before", 100, nil)
	m.task("across", 1_000, nil)
	m.run(500)
	m.task("waits", 100, nil)
	m.run(100)
	m.task("within", 100, nil)
	m.run(1_000)
	m.task("after", 100, nil)
	m.run(1_000)
	rec := m.record(Window{From: TimeMs(beginMs + 550), To: TimeMs(beginMs + 700)})
	var ids []string
	for _, q := range rec.Requests {
		ids = append(ids, fmt.Sprintf("%s %v", q.Task.Id, q.carried()))
	}
	if diff := cmp.Diff([]string{"across true", "waits true", "within false"}, ids); diff != "" {
		t.Fatal(diff)
	}
	r, err := Compare(rec, Scenario{})
	if err != nil {
		t.Fatal(err)
	}
	if r.CarriedOver != 2 || r.Replay.Succeeded != 3 || r.Replay.MakespanMs != 750 || r.Drift.Placements != 0 || r.Drift.MakespanMs != 0 {
		t.Errorf("%s", r.Text())
	}
	offset := int64(-1)
	for _, l := range m.log {
		if a, ok := l.Message.(*events.TaskAccepted); ok && a.Task.Id == "within" {
			offset = l.Offset
		}
	}
	if rec := m.record(Window{From: Offset(offset), To: Offset(offset + 1)}); len(rec.Requests) != 3 || rec.Requests[2].carried() || !rec.Requests[1].carried() {
		t.Errorf("by offset: %d requests", len(rec.Requests))
	}
}

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
		side := out.side()
		if side.Waiting != 0 || len(side.Unplaced) != 0 || side.Succeeded+side.Failed+side.Dead+side.Cancelled != side.Tasks {
			t.Fatalf("not all ended: %+v", side)
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
			text := string(b) + r.Text()
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
		m.later(arrives, func() {
			m.task(id, 0, func(r *events.TaskRequested) {
				r.Predicate, r.Priority = where, &priority
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

func TestTextNamesWhatMatters(t *testing.T) {
	rec := steady(t, 30).record(Window{})
	text := compare(t, rec, Scenario{Fleet: fleet(t, "- {id: e1, allocatable: {slots: 1}}")}).Text()
	for _, want := range []string{"30 tasks", "900ms", "2.9s", "+2s", "PLACEMENTS BY ENGINE", "the baseline is off the record by 0 tasks"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text does not say %q:\n%s", want, text)
		}
	}
}

func TestOtherPoolsAreLeftOut(t *testing.T) {
	m := steady(t, 3)
	r := NewRecorder("red", Window{})
	for _, l := range m.log {
		l.Message = proto.Clone(l.Message)
		r.Apply(l)
	}
	if rec := r.Recording(); len(rec.Requests) != 0 || len(rec.steps) > 1 { // The log itself may have one.
		t.Errorf("%d requests and %d steps of another pool", len(rec.Requests), len(rec.steps))
	}
}
