package predicate

import (
	"fmt"
	"math"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"google.golang.org/protobuf/types/known/structpb"
)

// Fields is what a Map shows: named values.
type Fields interface {
	// Find returns the value of that name.
	Find(name string) (ref.Val, bool)
	// Names lists all names, ascending.
	Names() []string
}

// Map makes a CEL map of fields without copying them.
func Map(f Fields) ref.Val { return fieldMap{f} }

// fieldMap is a CEL map with string keys whose values are made on demand.
type fieldMap struct{ Fields }

func (m fieldMap) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	return m.Fields.Find(string(name))
}

func (m fieldMap) Get(key ref.Val) ref.Val {
	if v, ok := m.Find(key); ok {
		return v
	}
	return types.NewErr("no such key: %v", key.Value())
}

func (m fieldMap) Contains(key ref.Val) ref.Val {
	_, ok := m.Find(key)
	return types.Bool(ok)
}

func (m fieldMap) Size() ref.Val { return types.Int(len(m.Names())) }

func (m fieldMap) copied() traits.Mapper {
	c := make(map[string]ref.Val, len(m.Names()))
	for _, n := range m.Names() {
		c[n], _ = m.Fields.Find(n)
	}
	return types.DefaultTypeAdapter.NativeToValue(c).(traits.Mapper)
}

func (m fieldMap) Iterator() traits.Iterator { return m.copied().Iterator() }

func (m fieldMap) Equal(other ref.Val) ref.Val { return m.copied().Equal(other) }

func (m fieldMap) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("convert a map of attributes to %v: not supported", t)
}

func (m fieldMap) ConvertToType(t ref.Type) ref.Val {
	if t == types.MapType {
		return m
	}
	return types.NewErr("a map of attributes is no %s", t.TypeName())
}

func (m fieldMap) Type() ref.Type { return types.MapType }

func (m fieldMap) Value() any { return m }

// FromLabel turns a label into the value that predicates see: a string, an
// integer, a Boolean or a list of those. All else is refused.
func FromLabel(v *structpb.Value) (ref.Val, error) {
	switch k := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		return types.String(k.StringValue), nil
	case *structpb.Value_BoolValue:
		return types.Bool(k.BoolValue), nil
	case *structpb.Value_NumberValue:
		if k.NumberValue != math.Trunc(k.NumberValue) || math.Abs(k.NumberValue) > 1<<53 {
			return nil, fmt.Errorf("%v is no integer of at most 2^53", k.NumberValue)
		}
		return types.Int(k.NumberValue), nil
	case *structpb.Value_ListValue:
		items := make([]ref.Val, len(k.ListValue.GetValues()))
		for i, item := range k.ListValue.GetValues() {
			if item.GetListValue() != nil {
				return nil, fmt.Errorf("item %d is a list; labels hold no lists of lists", i)
			}
			var err error
			if items[i], err = FromLabel(item); err != nil {
				return nil, fmt.Errorf("item %d: %w", i, err)
			}
		}
		return types.NewRefValList(types.DefaultTypeAdapter, items), nil
	}
	return nil, fmt.Errorf("a label is a string, an integer, a Boolean or a list of those")
}
