package query

import (
	"errors"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/run/runtest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// TestAnswersOfThePast: what is said of each offset of the log is what the events
// below it made, also long after.
func TestAnswersOfThePast(t *testing.T) {
	h := newHouse(t)
	c, q, ctx := h.client(t), h.query(), runtest.Within(t)
	if _, err := c.Do(ctx, client.Task{ID: "one", Kind: "echo"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(ctx, client.Task{ID: "held", Kind: "wait"}); err != nil {
		t.Fatal(err)
	}
	<-h.Entered
	if err := c.Cancel(ctx, "", "held", "enough"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(ctx, client.Task{ID: "stuck", Kind: "echo", Predicate: "engine.site == 'mars'"}); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Why(ctx, "", "stuck"); err != nil { // It waits until it was read.
		t.Fatal(err)
	}
	_, now, err := q.Task(ctx, "default", "held")
	if err != nil {
		t.Fatal(err)
	}
	for n := range now.AsOf.Offset + 1 {
		want := client.State("")
		for _, e := range now.History {
			if e.Offset < n {
				want = stateAfter(want, e)
			}
		}
		s, l, err := q.Task(ctx, "default", "held", AtOffset(n))
		if want == "" {
			if r := (&client.Refused{}); !errors.As(err, &r) || r.Code != events.CodeUnknownTask {
				t.Errorf("at %d: %v, want UNKNOWN_TASK", n, err)
			}
			continue
		}
		if err != nil || client.State(s.State) != want || l.AsOf.Offset != n {
			t.Fatalf("at %d the task is %v as of %v, %v; want %q", n, s, l.AsOf, err, want)
		}
		e, err := q.Engine(ctx, "", "e1", AtOffset(n))
		if err != nil || (e.Attempts > 0) != (want == client.Assigned || want == client.Running) {
			t.Errorf("at %d the engine is %+v, %v; the task %s", n, e, err, want)
		}
		x, err := q.Why(ctx, "", "held", AtOffset(n))
		if err != nil || x.Offset != n || (client.State(x.State) != want && want != client.Running) {
			t.Errorf("at %d why says %+v, %v; want %q", n, x, err, want)
		}
	}
}

func stateAfter(was client.State, e client.Event) client.State {
	switch e.Message.(type) {
	case *events.TaskAccepted:
		return client.Pending
	case *events.TaskAssigned:
		return client.Assigned
	case *events.TaskStarted:
		return client.Running
	case *events.TaskCancelled:
		return client.Cancelled
	}
	return was
}

// TestTimesOfThePast: a time means the last event at or before it, and how long
// something was so is counted to that time.
func TestTimesOfThePast(t *testing.T) {
	h := newHouse(t)
	c, q, ctx := h.client(t), h.query(), runtest.Within(t)
	if _, err := c.Submit(ctx, client.Task{ID: "stuck", Kind: "echo", Predicate: "engine.site == 'mars'"}); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Why(ctx, "", "stuck"); err != nil {
		t.Fatal(err)
	}
	s, now, err := q.Task(ctx, "", "stuck")
	if err != nil {
		t.Fatal(err)
	}
	accepted := time.UnixMilli(s.AcceptedMs)
	for time.Now().UnixMilli() <= s.AcceptedMs+2 { // The log tells of no time that has not come.
		if _, _, err := q.Task(ctx, "", "stuck"); err != nil {
			t.Fatal(err)
		}
	}
	x, err := q.Why(ctx, "", "stuck", AtTime(accepted.Add(2*time.Millisecond)))
	if err != nil || x.ForMs != 2 || x.Offset < s.offset(now) {
		t.Errorf("2 ms later: %+v, %v; want 2 ms", x, err)
	}
	if _, err = q.Why(ctx, "default", "stuck", AtTime(accepted.Add(-time.Millisecond))); err == nil {
		t.Error("before it was accepted the task is known")
	}
	for at, code := range map[At]events.Code{
		AtTime(accepted.Add(-time.Hour)): CodeNoHistory, AtTime(time.Now().Add(time.Hour)): CodeNotYet,
		AtOffset(now.AsOf.Offset + 1000): CodeNotYet,
	} {
		r := &client.Refused{}
		if _, err := q.Why(ctx, "default", "stuck", at); !errors.As(err, &r) || r.Code != code {
			t.Errorf("at %v: %v, want %s", at, err, code)
		}
	}
	if engines, _, err := q.Engines(ctx, "default", AtTime(accepted.Add(-time.Hour))); err == nil {
		t.Errorf("an hour before the log there are engines %v", engines)
	}
}

// offset is where the task was accepted.
func (t *Task) offset(l Listing) int64 {
	for _, e := range l.History {
		if _, ok := e.Message.(*events.TaskAccepted); ok && client.TaskOf(e.Message) == events.TaskID(t.ID) {
			return e.Offset
		}
	}
	return -1
}

func TestParseAt(t *testing.T) {
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]At{
		"": {}, "1841": AtOffset(1841), "10m": AtTime(now.Add(-10 * time.Minute)), "0s": AtTime(now),
		"2026-11-25T09:30:00Z": AtTime(now.Add(-30 * time.Minute)), "2026-11-25T10:30:00+01:00": AtTime(now.Add(-30 * time.Minute)),
		"tasks.events/3@7": {kind: atOffset, value: 7, topic: "tasks.events", partition: 3},
	} {
		at, err := ParseAt(text, now)
		if err != nil || at != want {
			t.Errorf("%q is %+v, %v; want %+v", text, at, err, want)
		}
		if again, err := ParseAt(at.String(), now); err != nil || again != at {
			t.Errorf("%q is written as %q, which is %+v, %v", text, at, again, err)
		}
	}
	for _, text := range []string{"yesterday", "-5", "-5m", "3@x", "x@3", "/3@4", "a/-1@4", "2026-11-25"} {
		if at, err := ParseAt(text, now); err == nil {
			t.Errorf("%q is taken for %+v", text, at)
		}
	}
}
