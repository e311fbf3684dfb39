package events

import (
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"
)

// Limits of what an engine says of itself, and of needs.
const (
	MaxKinds      = 256
	MaxLabels     = 64
	MaxDimensions = 16
	// MaxAmount is the largest amount of a dimension.
	MaxAmount = 1 << 60
)

// CheckEngine checks what an engine says of itself when it registers, but for
// Accepts, which is CEL. An engine checks itself with it before it starts, and the
// scheduler what registers. The error is a *Malformed.
func CheckEngine(e *Engine) error {
	if err := CheckID("engine.id", e.GetId()); err != nil {
		return err
	}
	if err := CheckID("engine.incarnation", e.Incarnation); err != nil {
		return err
	}
	if err := CheckOptionalID("engine.site", e.Site); err != nil {
		return err
	}
	if err := CheckOptionalID("engine.node", e.Node); err != nil {
		return err
	}
	if want := EnginePartition(EngineID(e.Id)); e.AssignmentsPartition != want {
		return Refuse(CodeBadData, "engine.assignmentsPartition is %d; for %q it is %d", e.AssignmentsPartition, e.Id, want)
	}
	if err := CheckKinds(e.Kinds); err != nil {
		return err
	}
	if err := CheckAllocatable(e.Allocatable); err != nil {
		return err
	}
	return CheckLabels(e.Labels)
}

// CheckKinds checks the kinds of tasks that an engine handles. The error is a
// *Malformed.
func CheckKinds(kinds []string) error {
	if len(kinds) > MaxKinds {
		return Refuse(CodeBadData, "%d kinds; at most %d are allowed", len(kinds), MaxKinds)
	}
	for _, k := range kinds {
		if err := CheckID("engine.kinds", k); err != nil {
			return err
		}
	}
	return nil
}

// CheckAllocatable checks what an engine says it can hold, by dimension. The error
// is a *Malformed.
func CheckAllocatable(m map[string]int64) error {
	if len(m) > MaxDimensions {
		return Refuse(CodeBadNeeds, "allocatable has %d dimensions; at most %d are allowed", len(m), MaxDimensions)
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !IsDimension(name) {
			return Refuse(CodeBadNeeds, "allocatable: %.80q is no name of a dimension; use a-z, 0-9 and _, beginning with a letter, at most 63 of them", name)
		}
		if m[name] < 0 || m[name] > MaxAmount {
			return Refuse(CodeBadNeeds, "allocatable.%s is %d; it goes from 0 to 2^60", name, m[name])
		}
	}
	return nil
}

// IsDimension reports whether a text can name a dimension of needs: 1 to 63 of a-z,
// 0-9 and _, the first one a letter.
func IsDimension(name string) bool {
	if name == "" || len(name) > 63 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '_') {
			return false
		}
	}
	return true
}

// CheckLabels checks the labels of an engine. The error is a *Malformed.
func CheckLabels(labels map[string]*structpb.Value) error {
	if len(labels) > MaxLabels {
		return Refuse(CodeBadData, "%d labels; at most %d are allowed", len(labels), MaxLabels)
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if err := CheckID("a label's name", name); err != nil {
			return err
		}
		v := labels[name]
		items := v.GetListValue().GetValues()
		if len(v.GetStringValue()) > MaxIDBytes || len(items) > MaxLabels {
			return Refuse(CodeBadData, "label %q is too large; give text of at most %d bytes, or a list of at most %d", name, MaxIDBytes, MaxLabels)
		}
		if v.GetListValue() == nil {
			items = []*structpb.Value{v}
		}
		for _, item := range items {
			if why := wrongLabel(item); why != "" {
				return Refuse(CodeBadData, "label %q: %s; a label is a string, an integer, a Boolean or a list of those", name, why)
			}
		}
	}
	return nil
}

// wrongLabel says why a value can be neither a label nor one of its list.
func wrongLabel(v *structpb.Value) string {
	switch k := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		if !utf8.ValidString(k.StringValue) {
			return strings.ToValidUTF8(k.StringValue, "?") + " is not valid UTF-8"
		}
	case *structpb.Value_BoolValue:
	case *structpb.Value_NumberValue:
		if k.NumberValue != math.Trunc(k.NumberValue) || math.Abs(k.NumberValue) >= 1<<53 {
			return "a number is no integer below 2^53"
		}
	case *structpb.Value_ListValue:
		return "a list holds no lists"
	default:
		return "null and objects are no values"
	}
	return ""
}
