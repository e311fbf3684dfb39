package replay

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

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
			t.Errorf("under %s: %+v", text, r)
		}
	}
}

// TestWeightsChangeWaits: a tenant with a larger share waits less, and the others
// more; the work takes as long as before.
func TestWeightsChangeWaits(t *testing.T) {
	m := newMaker(t)
	m.engine("e1", 1, nil)
	for i := range 40 {
		tenant := []string{"shop", "lab"}[i%2]
		m.task(fmt.Sprint(tenant, i), 100, func(r *events.TaskRequested) { r.Tenant = tenant })
	}
	m.run(5_000)
	r := compare(t, m.record(Window{}), Scenario{Policy: policy(t, "tenant_weights: {shop: 4, lab: 1}")})
	lab, shop := r.Replay.Tenants[0].Wait, r.Replay.Tenants[1].Wait
	labWas, shopWas := r.Baseline.Tenants[0].Wait, r.Baseline.Tenants[1].Wait
	if labWas.P50Ms-shopWas.P50Ms > 100 || shop.P50Ms > shopWas.P50Ms*7/10 || lab.P50Ms < labWas.P50Ms*13/10 || r.Change.MakespanMs != 0 {
		t.Errorf("shop waits %+v instead of %+v, lab %+v instead of %+v", shop, shopWas, lab, labWas)
	}
}

// TestReservationsAreMade: a large task starves behind small ones if nothing is
// ever reserved for it.
func TestReservationsAreMade(t *testing.T) {
	m := newMaker(t)
	m.engine("e1", 2, nil, "k", "large")
	for i := range 200 {
		m.later(int64(i)*50, func() {
			m.task(fmt.Sprint("small", i), 100, func(r *events.TaskRequested) { r.Priority = new(int32); *r.Priority = 9 })
		})
	}
	m.later(10, func() {
		m.task("large", 100, func(r *events.TaskRequested) {
			r.Kind, r.Priority = "large", new(int32)
			*r.Priority = 9
			r.Needs = map[string]*structpb.Value{"slots": structpb.NewNumberValue(2)}
		})
	})
	m.run(12_000)
	rec := m.record(Window{})
	soon := compare(t, rec, Scenario{Policy: policy(t, "reserve_after: 500ms")}).Replay.Kinds[1].Wait.MaxMs
	late := compare(t, rec, Scenario{Policy: policy(t, "reserve_after: 3s")}).Replay.Kinds[1].Wait.MaxMs
	never := compare(t, rec, Scenario{Policy: policy(t, "reserve_after: never")}).Replay.Kinds[1].Wait.MaxMs
	if soon < 500 || soon > 800 || late < 3_000 || late > 3_300 || never < 9_500 {
		t.Errorf("the large task waits %d ms, %d ms, %d ms", soon, late, never)
	}
}

// TestDependentsFollow: who waits for others waits for them on other engines too,
// and is cancelled if one of them fails there as it did.
func TestDependentsFollow(t *testing.T) {
	m := newMaker(t)
	m.engine("e1", 2, nil)
	m.task("a", 300, nil)
	m.task("b", 100, func(r *events.TaskRequested) { r.After = []string{"a"} })
	m.task("c", 100, nil)
	m.works["c"] = []work{{100, events.AttemptFinished_FAILED_FINALLY}}
	m.task("d", 100, func(r *events.TaskRequested) { r.After = []string{"c"} })
	m.run(2_000)
	rec := m.record(Window{})
	one := Scenario{Fleet: fleet(t, "- {id: e1, allocatable: {slots: 1}}")}
	if out, err := Run(rec, one); err != nil || out.tasks[3].endMs != out.tasks[2].endMs || out.tasks[3].end != cancelled {
		t.Errorf("d ends %+v, c %+v, %v; want both at once", out.tasks[3], out.tasks[2], err)
	}
	r := compare(t, rec, one)
	if r.Baseline.MakespanMs != 400 || r.Replay.MakespanMs < 500 || r.Replay.Cancelled != 1 || r.Replay.Failed != 1 || r.Replay.Succeeded != 2 || r.Baseline.Wait.MaxMs != 0 {
		t.Errorf("%+v", r)
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
		t.Errorf("%+v", r)
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

// A window that begins long before anything was asked for begins with the first
// request: the makespan has no time in which nothing was there.
func TestWindowOlderThanTheRecord(t *testing.T) {
	m := newMaker(t)
	m.engine("e1", 1, nil)
	m.run(5_000)
	m.task("only", 100, nil)
	m.run(1_000)
	for name, w := range map[string]Window{"a day": {From: TimeMs(beginMs - 24*60*60_000)}, "no bound": {}} {
		rec := m.record(w)
		if rec.FromMs != rec.Requests[0].AcceptedMs {
			t.Errorf("%s: it begins at %d, want %d, when the first request was accepted", name, rec.FromMs, rec.Requests[0].AcceptedMs)
		}
		r, err := Compare(rec, Scenario{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Record.MakespanMs != 100 || r.Baseline.MakespanMs != 100 || r.Replay.MakespanMs != 100 {
			t.Errorf("%s: makespans are %d, %d, %d; want 100", name, r.Record.MakespanMs, r.Baseline.MakespanMs, r.Replay.MakespanMs)
		}
	}
}
