package tasks

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// A log with everything that may happen to tasks, and nothing wrong with it.
func TestSoundLog(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.each(
		eng("e", "i1", 1),
		where("t1", `engine.labels.gpu >= 2 && engine.site == "eu" && engine.free.slots >= 1 && engine.running.tasks == []`),
		assigned("t1", 1),
		&events.TaskStarted{TaskId: "t1", Pool: "p", EngineId: "e", Attempt: 1, Token: 1},
		&events.TaskProgressed{TaskId: "t1", Pool: "p", EngineId: "e", Attempt: 1, Token: 1},
		&events.TaskAttemptFailed{TaskId: "t1", Pool: "p", EngineId: "e", Attempt: 1, Token: 1},
		&events.TaskRetryScheduled{TaskId: "t1", Pool: "p", Attempt: 2},
		accepted("t2"), assigned("t2", 2), succeeded("t2", 2),
		assigned("t1", 3),
		lost("i1"),
		&events.TaskStaleResultRejected{TaskId: "t1", Pool: "p", EngineId: "e", Attempt: 1, Token: 3, Outcome: "succeeded"},
		eng("e", "i2", 1),
	)
	again := assigned("t1", 4)
	again.Incarnation = "i2"
	l.each(again,
		&events.EngineDraining{EngineId: "e", Incarnation: "i2", Pool: "p"},
		&events.TaskAttemptReturned{TaskId: "t1", Pool: "p", EngineId: "e", Attempt: 1, Token: 4},
		&events.EngineResumed{EngineId: "e", Incarnation: "i2", Pool: "p"})
	last := assigned("t1", 5)
	last.Incarnation = "i2"
	l.each(last,
		&events.TaskFailed{TaskId: "t1", Pool: "p", EngineId: "e", Attempt: 1, Token: 5},
		accepted("t3"), cancelled("t3"),
		accepted("t4"), &events.TaskExpired{TaskId: "t4", Pool: "p"},
		accepted("t5"), &events.TaskDeadLettered{TaskId: "t5", Pool: "p"},
		&events.TaskRejected{TaskId: "t9", Pool: "p", Code: "BAD_NEEDS"},
		&events.TaskRepeated{TaskId: "t5", Pool: "p"},
		&events.LogPublished{Through: 3},
		&events.EngineDeparted{EngineId: "e", Incarnation: "i2", Pool: "p"},
	)
	r := l.finds(Options{NoneOpen: true})
	if r.Tasks != 5 || r.Open != 0 || r.Assignments != 5 || r.Claims != 1 || r.Counted != r.Records {
		t.Errorf("the counts are wrong: %+v", r)
	}
	for _, by := range []string{"succeeded", "failed", "cancelled", "expired", "dead_lettered"} {
		if r.Terminal[by] != 1 {
			t.Errorf("%d tasks ended as %s; want 1", r.Terminal[by], by)
		}
	}
}

// brokenLog is a log that breaks one guarantee, and what must be found.
type brokenLog struct {
	name string
	log  []proto.Message
	opts Options
	want []string
}

func TestBrokenLogs(t *testing.T) {
	t.Parallel()
	for _, c := range slices.Concat(brokenStories(), brokenMatches(), brokenOrders(), brokenVersions(), brokenImports()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLog(t)
			for _, m := range c.log {
				l.each(proto.Clone(m))
			}
			l.finds(c.opts, c.want...)
		})
	}
}

// Logs that break what held in the first version, too.
func brokenStories() []brokenLog {
	otherEngine := assigned("t", 1)
	otherEngine.Incarnation = "i0"
	farView := assigned("t", 1)
	farView.View = 1000
	oldView := assigned("t", 1)
	oldView.View = 1
	otherKind := accepted("t")
	otherKind.Task.Kind = "bake"
	big := accepted("t")
	big.Task.Needs = map[string]int64{"gpu": 1}
	wrongCancel := cancelled("t")
	wrongCancel.EngineId, wrongCancel.Token = "e", 7
	open := []proto.Message{eng("e", "i1", 1), accepted("t"), assigned("t", 1)}
	return []brokenLog{
		{"a task is lost", open, Options{NoneOpen: true}, []string{"G1 never ended"}},
		{"two terminal events", []proto.Message{accepted("t"), cancelled("t"), &events.TaskExpired{TaskId: "t", Pool: "p"}},
			Options{}, []string{"G1 expiry of a task that cancelled"}},
		{"never accepted", []proto.Message{cancelled("t")}, Options{}, []string{"G1 never accepted"}},
		{"of another pool", []proto.Message{accepted("t"), &events.TaskExpired{TaskId: "t", Pool: "q"}}, Options{}, []string{"G1 never accepted"}},
		{"accepted twice", []proto.Message{accepted("t"), accepted("t")}, Options{}, []string{"G1 accepted again"}},
		{"accepted again after its end", []proto.Message{accepted("t"), cancelled("t"), accepted("t")}, Options{}, []string{"G1 within the window"}},
		{"two results", append(open[:3:3], succeeded("t", 1), succeeded("t", 1)), Options{}, []string{"G2 a result of a task that succeeded"}},
		{"a stale result", append(open[:3:3], lost("i1"), succeeded("t", 1)), Options{}, []string{"G2 no attempt is unfinished"}},
		{"a result under another token", append(open[:3:3], succeeded("t", 2)), Options{}, []string{"G2 the current token is 1"}},
		{"the token does not grow", append(open[:3:3], succeeded("t", 1), accepted("u"), assigned("u", 1)), Options{}, []string{"G2 token 1 was given before"}},
		{"two attempts at once", append(open[:3:3], assigned("t", 2)), Options{}, []string{"G2 assigned while the attempt"}},
		{"a result of another attempt", append(open[:3:3], &events.TaskSucceeded{TaskId: "t", Pool: "p", EngineId: "e", Attempt: 2, Token: 1}),
			Options{}, []string{"G2 of attempt 2"}},
		{"a current result called stale", append(open[:3:3], &events.TaskStaleResultRejected{TaskId: "t", Pool: "p", EngineId: "e", Token: 1}),
			Options{}, []string{"G2 rejected as stale"}},
		{"a report on what never counted", append(open[:3:3], &events.TaskStaleResultRejected{TaskId: "t", Pool: "p", EngineId: "e", Token: 2}),
			Options{}, []string{"G6 never given to this engine"}},
		{"a report by another engine", append(open[:3:3], &events.TaskStaleResultRejected{TaskId: "t", Pool: "p", EngineId: "f", Token: 1}),
			Options{}, []string{"G6 never given to this engine"}},
		{"cancelled under another token", append(open[:3:3], wrongCancel), Options{}, []string{"G2 cancelled on engine"}},
		{"too many slots", append(open[:3:3], accepted("u"), assigned("u", 2)), Options{}, []string{"G3 need 2 of slots; it has 1"}},
		{"a dimension that it has not", []proto.Message{eng("e", "i1", 1), big, assigned("t", 1)}, Options{}, []string{"G3 need 1 of gpu; it has 0"}},
		{"it shrinks in one incarnation", append(open[:3:3], eng("e", "i1", 0)), Options{}, []string{"G3 need 1 of slots; it has 0"}},
		{"kind not handled", []proto.Message{eng("e", "i1", 1), otherKind, assigned("t", 1)}, Options{}, []string{"G4 kind \"bake\""}},
		{"predicate false", []proto.Message{eng("e", "i1", 1), where("t", "engine.labels.gpu >= 3"), assigned("t", 1)}, Options{}, []string{"G4 it is false"}},
		{"predicate in error", []proto.Message{eng("e", "i1", 1), where("t", "engine.labels.disk == 'ssd'"), assigned("t", 1)}, Options{}, []string{"G4 ended in an error"}},
		{"an engine that never was", []proto.Message{accepted("t"), assigned("t", 1)}, Options{}, []string{"G4 not registered"}},
		{"another incarnation", []proto.Message{eng("e", "i1", 1), accepted("t"), otherEngine}, Options{}, []string{"G4 not registered"}},
		{"a lost engine", []proto.Message{eng("e", "i1", 1), accepted("t"), lost("i1"), assigned("t", 1)}, Options{}, []string{"G4 not registered"}},
		{"a draining engine", []proto.Message{eng("e", "i1", 1), accepted("t"), &events.EngineDraining{EngineId: "e", Incarnation: "i1", Pool: "p"}, assigned("t", 1)},
			Options{}, []string{"G4 draining"}},
		{"a view in the future", []proto.Message{eng("e", "i1", 1), accepted("t"), farView}, Options{}, []string{"G4 after the assignment"}},
		{"a view before the engine changed", []proto.Message{eng("e", "i1", 1), accepted("t"), oldView}, Options{}, []string{"G4 the engine changed"}},
	}
}

func TestAcceptedAgainAfterTheWindow(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	later := accepted("t")
	later.AtMs = windowMillis
	l.each(accepted("t"), cancelled("t"), later)
	l.finds(Options{})
}

// What frees capacity, so that another task may take it.
func TestReleases(t *testing.T) {
	t.Parallel()
	for name, freeing := range map[string][]proto.Message{
		"success":    {succeeded("t", 1)},
		"failure":    {&events.TaskAttemptFailed{TaskId: "t", Pool: "p", EngineId: "e", Token: 1}},
		"return":     {&events.TaskAttemptReturned{TaskId: "t", Pool: "p", EngineId: "e", Token: 1}},
		"refusal":    {&events.TaskAssignmentRefused{TaskId: "t", Pool: "p", EngineId: "e", Token: 1}},
		"end":        {&events.TaskFailed{TaskId: "t", Pool: "p", EngineId: "e", Token: 1}},
		"expiry":     {&events.TaskExpired{TaskId: "t", Pool: "p"}},
		"lost":       {lost("i1"), eng("e", "i1", 1)},
		"departed":   {&events.EngineDeparted{EngineId: "e", Incarnation: "i1", Pool: "p"}, eng("e", "i1", 1)},
		"born again": {eng("e", "i2", 1), eng("e", "i1", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLog(t)
			l.each(eng("e", "i1", 1), accepted("t"), accepted("u"), assigned("t", 1))
			for _, m := range freeing {
				l.each(proto.Clone(m))
			}
			l.each(assigned("u", 2))
			l.finds(Options{})
		})
	}
}

// A batch that counts may land behind an older owner's leftovers; views within
// it are at the offsets for which it was written.
func TestViewInABatchThatMoved(t *testing.T) {
	t.Parallel()
	for view, want := range map[int64][]string{3: nil, 2: {"G4 the engine changed"}} {
		l := newLog(t)
		a := assigned("t", 1)
		a.View = view // after the registration, which was to stand at 1, and the acceptance
		records := l.Made(accepted("t"), eng("e", "i1", 1), a)
		l.Land(events.Record{Value: []byte("x")}, events.Record{Value: []byte("x")})
		l.Land(records...)
		l.finds(Options{}, want...)
	}
}

// Predicates over what changes with every assignment.
func TestViewsOfRunning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ predicate, want string }{
		{`engine.free.slots == 1`, ""},
		{`engine["free"].slots == 1`, ""},
		{`engine.running.kinds == ["resize"] && engine.running.tasks == ["t"]`, ""},
		{`engine.labels.zones == ["a", 1] && engine.allocatable.slots == 2 && engine.id == "e" && engine.pool == "p"`, ""},
		{`task.id == "u" && task.kind == "resize" && task.pool == "p" && task.priority == 5 && task.tenant == "" && task.needs.slots == 1 && task.attempt == 1`, ""},
		{`!("resize" in engine.running.kinds)`, "G4 it is false"},
		{`engine.free.slots == 2`, "G4 it is false"},
		{`!has(engine.free.gpu) && task.needs.gpu == 0`, ""},
	} {
		l := newLog(t)
		first, second := accepted("t"), where("u", c.predicate)
		first.Task.Needs = map[string]int64{"slots": 1, "gpu": 0} // none of what the engine has not
		second.Task.Needs = first.Task.Needs
		l.each(eng("e", "i1", 2), first, assigned("t", 1), second, assigned("u", 2))
		if c.want == "" {
			l.finds(Options{})
		} else {
			l.finds(Options{}, c.want)
		}
	}
}
