package request

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

func TestQuantities(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "64Mi": 64 << 20, "1.5Ki": 1536, "2000m": 2, "2k": 2000, "1E": 1e18, "007": 7,
		"": -1, "Mi": -1, "1500m": -1, "-1": -1, "1.5": -1, ".5Ki": -1, "1.Ki": -1, "1e3": -1, "2Ei": -1, "1 Mi": -1, "0x10": -1,
		"99999999999999999999": -1, "1/2": -1,
	} {
		got, ok := Quantity(text)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("Quantity(%q) = %d, want %d", text, got, want)
		}
	}
}

// What a request leaves out has its default, and what is out of bounds its code.
func TestCheck(t *testing.T) {
	c := New(nil)
	task, err := c.Check(&events.TaskRequested{TaskId: "t", Kind: "k"})
	want := &events.Task{Id: "t", Pool: "default", Kind: "k", Priority: 5, ExecutionTimeoutMs: 600_000}
	if err != nil || !proto.Equal(task, want) {
		t.Errorf("the least request makes %v, %v; want %v", task, err, want)
	}
	for name, tt := range map[string]struct {
		r    *events.TaskRequested
		code events.Code
	}{
		"no ID":     {&events.TaskRequested{Kind: "k"}, events.CodeBadData},
		"no kind":   {&events.TaskRequested{TaskId: "t"}, events.CodeBadData},
		"pool":      {&events.TaskRequested{TaskId: "t", Kind: "k", Pool: "a\n"}, events.CodeBadData},
		"predicate": {&events.TaskRequested{TaskId: "t", Kind: "k", Predicate: "1 +"}, events.CodeBadPredicate},
		"prefer":    {&events.TaskRequested{TaskId: "t", Kind: "k", Prefer: "engine.site"}, events.CodeBadPrefer},
		"payload":   {&events.TaskRequested{TaskId: "t", Kind: "k", Payload: make([]byte, events.MaxPayloadBytes+1)}, events.CodeTooLarge},
		"itself":    {&events.TaskRequested{TaskId: "t", Kind: "k", After: []string{"t"}}, events.CodeDependencyCycle},
		"timeout":   {&events.TaskRequested{TaskId: "t", Kind: "k", ScheduleTimeout: strings.Repeat("9", 30) + "h"}, events.CodeBadData},
	} {
		var bad *events.Malformed
		if err := c.Valid(tt.r, 0); !errors.As(err, &bad) || bad.Code != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
	usual := &events.TaskRequested{TaskId: "t", Kind: "k", Retry: &events.RetryRequested{InitialBackoff: "1s"}}
	if task, err := c.Check(usual); err != nil || task.Retry != nil {
		t.Errorf("the default retries, spelled out, make %v, %v; want none", task.GetRetry(), err)
	}
}

// A number in JSON has come through a float64: one that another may have become is
// refused, and text is exact.
func TestNeedsAreExactOrRefused(t *testing.T) {
	for _, tt := range []struct {
		value *structpb.Value
		want  int64 // -1: refused
	}{
		{structpb.NewNumberValue(9007199254740993), -1}, // It is 9007199254740992 already.
		{structpb.NewNumberValue(9007199254740991), 9007199254740991},
		{structpb.NewStringValue("9007199254740993"), 9007199254740993},
		{structpb.NewStringValue("1152921504606846976"), 1 << 60},
		{structpb.NewStringValue("1152921504606846977"), -1},
		{structpb.NewNumberValue(0.5), -1},
	} {
		task, err := New(nil).Check(&events.TaskRequested{TaskId: "t", Kind: "k", Needs: map[string]*structpb.Value{"x": tt.value}})
		if got := task.GetNeeds()["x"]; (err != nil) != (tt.want < 0) || err == nil && got != tt.want {
			t.Errorf("%v: %d, %v; want %d", tt.value, got, err, tt.want)
		}
	}
}

func TestNotBeforeIsAtMostAYearAhead(t *testing.T) {
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	for notBefore, ok := range map[string]bool{
		"2066-01-01T00:00:00Z": false, "2027-11-28T00:00:00Z": true, "2027-11-28T00:00:01Z": false, "1970-01-01T00:00:00Z": true, "": true,
	} {
		err := New(nil).Valid(&events.TaskRequested{TaskId: "t", Kind: "k", NotBefore: notBefore}, now.UnixMilli())
		if (err == nil) != ok {
			t.Errorf("%s: %v, want it to be accepted: %t", notBefore, err, ok)
		}
	}
}

// Of several IDs, the error tells which one is meant, also where it cannot quote it.
func TestABadDependencyIsToldByItsPlace(t *testing.T) {
	for id, want := range map[string]string{
		"":                       "after[1] is missing",
		strings.Repeat("x", 257): "after[1] has 257 bytes",
		"\xff":                   `after[1] "\xff" is not valid UTF-8`,
		"a\n":                    `after[1] "a\n" contains a control character`,
	} {
		_, err := New(nil).Check(&events.TaskRequested{TaskId: "t", Kind: "noop", After: []string{"fine", id, "too"}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("after %.20q: %v; want %s", id, err, want)
		}
	}
}
