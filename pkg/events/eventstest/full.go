package eventstest

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

// Full returns a message of that type in which every field is set to a value that differs
// from its zero.
func Full(t events.Type) proto.Message { return filled(events.New(t).ProtoReflect()).Interface() }

// Known are values for the fields of these names, as Go types: what a message has to name
// so that it is about something that exists.
type Known map[string]any

// Set gives m the known values, in its own fields and in those of the messages in it.
func (known Known) Set(m proto.Message) { known.set(m.ProtoReflect()) }

func (known Known) set(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch v, ok := known[string(f.Name())]; {
		case f.IsList(), f.IsMap():
		case f.Message() != nil:
			if m.Has(f) {
				known.set(m.Mutable(f).Message())
			}
		case ok && fmt.Sprintf("%T", f.Default().Interface()) == fmt.Sprintf("%T", v):
			m.Set(f, protoreflect.ValueOf(v))
		}
	}
}

// filled sets every field to a value that differs from its zero.
func filled(m protoreflect.Message) protoreflect.Message {
	if v, ok := m.Interface().(*structpb.Value); ok {
		v.Kind = &structpb.Value_StringValue{StringValue: "64Mi"}
		return m
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Name() == "payload" && fields.ByName("payload_json") != nil {
			continue // One of the two.
		}
		switch {
		case fd.IsMap():
			mv := m.Mutable(fd).Map()
			for _, key := range []string{"slots", "memory_bytes"} {
				mv.Set(protoreflect.ValueOfString(key).MapKey(), one(mv.NewValue(), fd.MapValue()))
			}
		case fd.IsList():
			list := m.Mutable(fd).List()
			list.Append(one(list.NewElement(), fd))
			list.Append(one(list.NewElement(), fd))
		default:
			m.Set(fd, one(m.NewField(fd), fd))
		}
	}
	return m
}

func one(zero protoreflect.Value, fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.MessageKind:
		return protoreflect.ValueOfMessage(filled(zero.Message()))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("text of " + string(fd.Name()))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("bytes\x00\xff"))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(1.5)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(fd.Number()))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(fd.Number()))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(1<<40 + uint64(fd.Number()))
	default:
		return protoreflect.ValueOfInt64(1<<40 + int64(fd.Number()))
	}
}
