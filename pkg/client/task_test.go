package client

import (
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

func TestRequestSaysWhatTheTaskSays(t *testing.T) {
	priority := int32(0)
	r := Task{
		ID: "t", Pool: "blue", Kind: "resize", Priority: &priority, Needs: map[string]int64{"slots": 2, "memory_bytes": 1<<60 + 1},
		ScheduleTimeout: time.Minute, ExecutionTimeout: Never, Retry: &Retry{MaxAttempts: 2, InitialBackoff: time.Second},
	}.Request()
	got, err := events.MarshalJSON(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"taskId":"t","pool":"blue","kind":"resize","needs":{"memory_bytes":"1152921504606846977","slots":2},` +
		`"priority":0,"scheduleTimeout":"1m0s","executionTimeout":"none","retry":{"maxAttempts":2,"initialBackoff":"1s"}}`
	if string(got) != want {
		t.Errorf("the request is %s\nwant %s", got, want)
	}
}

func TestRecentForgetsTheOldest(t *testing.T) {
	r := newRecent[string, int](2)
	r.put("a", 1)
	r.put("b", 2)
	r.put("a", 3)
	r.put("c", 4)
	if _, ok := r.get("a"); ok {
		t.Error("a is still there: replacing made it younger")
	}
	if v, _ := r.get("b"); v != 2 || len(r.entries) != 2 {
		t.Errorf("b is %d, of %d entries", v, len(r.entries))
	}
}
