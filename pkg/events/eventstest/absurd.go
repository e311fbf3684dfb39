package eventstest

import (
	"fmt"
	"iter"
	"math"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/spanway/spanway/pkg/events"
)

// Absurd yields messages of that type with values that no program of Spanway writes, each
// under a name that tells what is absurd: no fields at all; each field, also of the messages
// in it, with each absurd value of its kind, all others as Full gives them; every field with
// its first absurd value, its second, and so on. known is set in every field that is not
// absurd itself. Text is UTF-8, since nothing else can be read from the wire.
func Absurd(t events.Type, known Known) iter.Seq2[string, proto.Message] {
	return func(yield func(string, proto.Message) bool) {
		if !yield("no field", events.New(t)) {
			return
		}
		for i := range mostValues {
			all := events.New(t)
			setAll(all.ProtoReflect(), i)
			if !yield(fmt.Sprintf("every field with absurd value %d", i), all) {
				return
			}
			known.Set(all)
			if !yield(fmt.Sprintf("every field but the known ones with absurd value %d", i), all) {
				return
			}
		}
		whole := Full(t)
		known.Set(whole)
		for _, path := range paths(whole.ProtoReflect().Descriptor(), nil) {
			for i := range len(values(path[len(path)-1])) {
				m := proto.Clone(whole)
				name := setAt(m.ProtoReflect(), path, i)
				if !yield(name, m) {
					return
				}
			}
		}
	}
}

// deepest bounds messages that hold themselves.
const deepest = 4

// paths lists the fields of a message and of those in it.
func paths(d protoreflect.MessageDescriptor, above []protoreflect.FieldDescriptor) (all [][]protoreflect.FieldDescriptor) {
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		path := append(above[:len(above):len(above)], f)
		all = append(all, path)
		if f.Message() != nil && !f.IsMap() && len(path) < deepest {
			all = append(all, paths(f.Message(), path)...)
		}
	}
	return all
}

// setAt gives the field at the end of a path its i-th absurd value.
func setAt(m protoreflect.Message, path []protoreflect.FieldDescriptor, i int) string {
	var name []string
	for _, f := range path[:len(path)-1] {
		name = append(name, string(f.Name()))
		if f.IsList() {
			if m.Get(f).List().Len() == 0 {
				m.Mutable(f).List().AppendMutable()
			}
			m = m.Get(f).List().Get(0).Message()
			continue
		}
		m = m.Mutable(f).Message()
	}
	f := path[len(path)-1]
	v := values(f)[i]
	v.set(m, f)
	return strings.Join(append(name, string(f.Name())), ".") + ": " + v.name
}

func setAll(m protoreflect.Message, i int) {
	for n := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(n)
		if f.ContainingOneof() != nil && f.Message() != nil {
			continue // A value within values, for ever.
		}
		if f.Message() != nil && !f.IsList() && !f.IsMap() && i%2 == 1 {
			setAll(m.Mutable(f).Message(), i)
			continue
		}
		v := values(f)
		v[i%len(v)].set(m, f)
	}
}

// absurdity is a value that a field should not have.
type absurdity struct {
	name string
	set  func(protoreflect.Message, protoreflect.FieldDescriptor)
}

// mostValues is how many a kind has at most.
const mostValues = 12

// many is how many entries a list or map has that is absurdly long.
const many = 2_000

func values(f protoreflect.FieldDescriptor) []absurdity {
	out := []absurdity{{"absent", func(m protoreflect.Message, f protoreflect.FieldDescriptor) { m.Clear(f) }}}
	switch {
	case f.IsMap():
		for _, key := range scalars(f.MapKey()) {
			out = append(out, absurdity{fmt.Sprintf("key %.20q", key.String()), entry(key)})
		}
		return append(out, absurdity{"many keys", func(m protoreflect.Message, f protoreflect.FieldDescriptor) {
			for i := range many {
				entry(protoreflect.ValueOfString(fmt.Sprintf("key_%d", i)))(m, f)
			}
		}})
	case f.Message() != nil:
		return append(out, absurdity{"empty", func(m protoreflect.Message, f protoreflect.FieldDescriptor) {
			if f.IsList() {
				for range many {
					m.Mutable(f).List().AppendMutable()
				}
				return
			}
			m.Set(f, m.NewField(f))
		}})
	}
	for _, v := range scalars(f) {
		out = append(out, absurdity{fmt.Sprintf("%.20q", v.String()), func(m protoreflect.Message, f protoreflect.FieldDescriptor) {
			if !f.IsList() {
				m.Set(f, v)
				return
			}
			for range min(many, 1<<20/(1+len(v.String()))) {
				m.Mutable(f).List().Append(v)
			}
		}})
	}
	return out
}

// entry puts something under a key of a map: its last absurd value.
func entry(key protoreflect.Value) func(protoreflect.Message, protoreflect.FieldDescriptor) {
	return func(m protoreflect.Message, f protoreflect.FieldDescriptor) {
		to := m.Mutable(f).Map()
		if f.MapValue().Message() != nil {
			to.Mutable(key.MapKey())
			return
		}
		v := scalars(f.MapValue())
		to.Set(key.MapKey(), v[to.Len()%len(v)])
	}
}

// long is text that is longer than any name may be; a batch has room for some of it.
var long = strings.Repeat("x", 100<<10)

func scalars(f protoreflect.FieldDescriptor) (out []protoreflect.Value) {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return []protoreflect.Value{protoreflect.ValueOfBool(false), protoreflect.ValueOfBool(true)}
	case protoreflect.EnumKind:
		for _, n := range []protoreflect.EnumNumber{-1, 99, math.MaxInt32} {
			out = append(out, protoreflect.ValueOfEnum(n))
		}
	case protoreflect.Int32Kind:
		for _, n := range []int32{0, -1, math.MinInt32, math.MaxInt32, 1 << 20} {
			out = append(out, protoreflect.ValueOfInt32(n))
		}
	case protoreflect.Uint32Kind:
		for _, n := range []uint32{0, 1 << 20, math.MaxUint32, math.MaxUint32 - 1} {
			out = append(out, protoreflect.ValueOfUint32(n))
		}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		for _, n := range []uint64{0, 1 << 40, 1 << 63, math.MaxUint64, math.MaxUint64 - 1} {
			out = append(out, protoreflect.ValueOfUint64(n))
		}
	case protoreflect.DoubleKind:
		for _, n := range []float64{0, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -1, 5e-324} {
			out = append(out, protoreflect.ValueOfFloat64(n))
		}
	case protoreflect.BytesKind:
		for _, b := range []string{"\xff\xfe\x00", long} {
			out = append(out, protoreflect.ValueOfBytes([]byte(b)))
		}
	case protoreflect.StringKind:
		for _, s := range []string{"nothing of that name", "\x00\r\n\x1b[2J\u202e", "((((", "-1", "../..//", long} {
			out = append(out, protoreflect.ValueOfString(s))
		}
	default:
		for _, n := range []int64{0, -1, 1, 99_999_999, math.MinInt64, math.MaxInt64, 1 << 53, 1 << 62} {
			out = append(out, protoreflect.ValueOfInt64(n))
		}
	}
	return out
}
