package request

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

func task(t *testing.T, r *events.TaskRequested) *events.Task {
	t.Helper()
	r.TaskId = "a"
	if r.Kind == "" {
		r.Kind = "k"
	}
	out, err := New(nil).Check(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDifferences(t *testing.T) {
	priority, attempts := int32(5), int32(2)
	for name, c := range map[string]struct {
		was, is *events.TaskRequested
		want    []Difference
	}{
		"equal": {&events.TaskRequested{}, &events.TaskRequested{}, nil},
		"what is left out and what is its default": {&events.TaskRequested{}, &events.TaskRequested{
			Priority: &priority, ExecutionTimeout: "10m", Needs: map[string]*structpb.Value{"slots": structpb.NewNumberValue(1)},
		}, nil},
		"expressions and times": {
			&events.TaskRequested{Predicate: "true", ScheduleTimeout: "90s", NotBefore: "2026-12-01T08:00:00Z"},
			&events.TaskRequested{Predicate: "false", ExecutionTimeout: "none"},
			[]Difference{
				{"predicate", "true", "false"}, {"scheduleTimeout", "1m30s", "none"}, {"executionTimeout", "10m0s", "none"},
				{"notBefore", "2026-12-01T08:00:00.000Z", "none"},
			},
		},
		"needs, order, retries": {
			&events.TaskRequested{After: []string{"x"}},
			&events.TaskRequested{
				Needs: map[string]*structpb.Value{"slots": structpb.NewNumberValue(2)}, After: []string{"y"},
				Retry: &events.RetryRequested{MaxAttempts: &attempts},
			},
			[]Difference{
				{"needs", "slots=1", "slots=2"}, {"retry.maxAttempts", "5", "2"}, {"after", "x", "y"},
			},
		},
		"a payload is not shown": {
			&events.TaskRequested{Payload: []byte("secret")}, &events.TaskRequested{Payload: []byte("hello")},
			[]Difference{{"payload", "6 bytes, SHA-256 2bb80d53", "5 bytes, SHA-256 2cf24dba"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Differences(task(t, c.was), task(t, c.is))); diff != "" {
				t.Error(diff)
			}
		})
	}
	long := Differences(task(t, &events.TaskRequested{Predicate: "true || " + strings.Repeat("true || ", 100) + "true"}), task(t, &events.TaskRequested{}))
	if len(long) != 1 || len(long[0].Was) > 110 || long[0].Is != "none" {
		t.Errorf("a long value: %v", long)
	}
	if d := Differences(&events.Task{PayloadAt: 7}, &events.Task{Payload: []byte("x")}); len(d) != 0 {
		t.Errorf("a payload by reference: %v", d)
	}
}

// Every field of a task counts, but for those that a request does not choose.
func TestEveryFieldDiffers(t *testing.T) {
	fields := (&events.Task{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		m := (&events.Task{}).ProtoReflect()
		switch {
		case f.IsMap():
			m.Mutable(f).Map().Set(protoreflect.ValueOfString("slots").MapKey(), protoreflect.ValueOfInt64(7))
		case f.IsList():
			m.Mutable(f).List().Append(protoreflect.ValueOfString("x"))
		case f.Message() != nil:
			m.Mutable(f).Message().Set(f.Message().Fields().Get(0), protoreflect.ValueOfInt32(7))
		case f.Kind() == protoreflect.BytesKind:
			m.Set(f, protoreflect.ValueOfBytes([]byte("x")))
		case f.Kind() == protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString("x"))
		case f.Kind() == protoreflect.Int32Kind:
			m.Set(f, protoreflect.ValueOfInt32(7))
		default:
			m.Set(f, protoreflect.ValueOfInt64(7))
		}
		differs := Differences(&events.Task{}, m.Interface().(*events.Task))
		if want := !unasked[f.Name()]; (len(differs) >= 1) != want {
			t.Errorf("%s: %v", f.Name(), differs)
		}
	}
}
