package request

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/spanway/spanway/pkg/events"
)

// Difference is a field in which two tasks differ. Values are text for people of at
// most a hundred bytes or so; a payload is shown by its size and the beginning of its
// SHA-256 alone.
type Difference struct {
	// Field as a request names it, such as "predicate".
	Field string `json:"field"`
	// Was is what the first task says, Is what the second one does; "none" if it says
	// nothing.
	Was string `json:"was"`
	Is  string `json:"is"`
}

// unasked are the fields of a task that a request does not choose by itself.
var unasked = map[protoreflect.Name]bool{"id": true, "pool": true, "traceparent": true, "tracestate": true, "payload_at": true}

// Differences compares two tasks, as Check makes them, in all that a request says, in
// the order of the schema. What both leave to its default is equal to that said. The
// payload of a task that has it by reference is not compared.
func Differences(was, is *events.Task) []Difference {
	d := differing{byReference: was.GetPayloadAt() != 0}
	d.compare("", defaulted(was).ProtoReflect(), defaulted(is).ProtoReflect())
	return d.out
}

type differing struct {
	byReference bool
	out         []Difference
}

func (d *differing) compare(prefix string, a, b protoreflect.Message) {
	fields := a.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		name := prefix + nameOf(f)
		switch {
		case unasked[f.Name()], f.Name() == "payload" && d.byReference, a.Get(f).Equal(b.Get(f)):
		case f.Message() != nil && !f.IsMap():
			d.compare(name+".", a.Get(f).Message(), b.Get(f).Message())
		default:
			d.out = append(d.out, Difference{name, textOf(f, a), textOf(f, b)})
		}
	}
}

func defaulted(t *events.Task) *events.Task {
	out := proto.CloneOf(t)
	if len(out.GetNeeds()) == 0 {
		out.Needs = map[string]int64{"slots": 1}
	}
	if out.GetRetry() == nil {
		out.Retry = DefaultRetry()
	}
	return out
}

// nameOf is the name of a field in a request, where times are texts.
func nameOf(f protoreflect.FieldDescriptor) string { return strings.TrimSuffix(f.JSONName(), "Ms") }

// longest is what is shown of a value, in bytes.
const longest = 100

func textOf(f protoreflect.FieldDescriptor, m protoreflect.Message) string {
	if !m.Has(f) {
		return "none"
	}
	v := m.Get(f)
	switch {
	case f.Kind() == protoreflect.BytesKind:
		return fmt.Sprintf("%d bytes, SHA-256 %.4x", len(v.Bytes()), sha256.Sum256(v.Bytes()))
	case f.Name() == "not_before_ms":
		return events.Stamp(v.Int())
	case strings.HasSuffix(string(f.Name()), "_ms"):
		return (time.Duration(v.Int()) * time.Millisecond).String()
	}
	return short(listed(f, v))
}

// listed is a value, or several with commas between them, maps by their keys.
func listed(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	var all []string
	switch {
	case f.IsMap():
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			all = append(all, k.String()+"="+v.String())
			return true
		})
		slices.Sort(all)
	case f.IsList():
		for i := range v.List().Len() {
			all = append(all, v.List().Get(i).String())
		}
	default:
		return v.String()
	}
	return strings.Join(all, ",")
}

func short(text string) string {
	if cut := events.Cut([]byte(text), longest); len(cut) < len(text) {
		return string(cut) + "…"
	}
	return text
}
