package events_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/spanway/spanway/pkg/events"
)

func init() { events.Register("example.added.v1", events.Event, (*wrapperspb.Int64Value)(nil)) }

// A type of another program is written and read as those of Spanway.
func TestRegisteredTypesAreReadAndWritten(t *testing.T) {
	for _, json := range []bool{false, true} {
		r, err := events.Encoder{Source: "/example", JSON: json}.Encode("id", wrapperspb.Int64(7))
		if err != nil {
			t.Fatal(err)
		}
		env, m, err := events.Decode(&r)
		if err != nil || env.Type != "example.added.v1" || !proto.Equal(m, wrapperspb.Int64(7)) {
			t.Errorf("read %v %v, %v", env, m, err)
		}
	}
	if events.KindOf("example.added.v1") != events.Event || events.TypeOf(wrapperspb.Int64(1)) != "example.added.v1" {
		t.Error("its kind or type is not known")
	}
}

func TestRegisterRefuses(t *testing.T) {
	events.Types()
	events.KindOf("example.added.v1") // The first look.
	for name, c := range map[string]struct {
		typ  events.Type
		kind events.Kind
		want string
	}{
		"a type of Spanway": {"spanway.x.v1", events.Event, "a name of its own"},
		"no kind":           {"example.x.v1", 0, "kind 0"},
		"late":              {"example.x.v1", events.Event, "in an init function"},
	} {
		func() {
			defer func() {
				if r, _ := recover().(string); !strings.Contains(r, c.want) {
					t.Errorf("%s: %q", name, r)
				}
			}()
			events.Register(c.typ, c.kind, (*wrapperspb.BoolValue)(nil))
		}()
	}
}
