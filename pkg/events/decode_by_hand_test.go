package events

import (
	"fmt"
	"math"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"
)

// readByHand are the messages that unmarshal reads by hand.
var readByHand = []proto.Message{
	(*TaskRequested)(nil), (*TaskAccepted)(nil), (*TaskAssigned)(nil), (*AttemptFinished)(nil), (*TaskSucceeded)(nil),
	(*QueueEnqueued)(nil), (*QueueDone)(nil),
}

// TestByHandReadsAsProtobufDoes: whatever the bytes, the same message or the same
// refusal comes of them.
func TestByHandReadsAsProtobufDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(readByHand).Draw(t, "kind").ProtoReflect().Type()
		var data []byte
		for range rapid.IntRange(1, 3).Draw(t, "pieces") { // Of one message: the later ones add to it.
			m := kind.New()
			fill(t, m, 2)
			b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m.Interface())
			if err == nil { // Else its text is not UTF-8, and it has no bytes.
				data = append(data, b...)
			}
		}
		for range rapid.IntRange(0, 2).Draw(t, "damages") {
			if len(data) > 0 {
				data[rapid.Uint32().Draw(t, "at")%uint32(len(data))] = rapid.OneOf(rapid.Just(byte(0xff)), rapid.Byte()).Draw(t, "byte") // 0xff is in no text.
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "cut") == 0 {
			data = data[:rapid.IntRange(0, len(data)).Draw(t, "to")]
		}
		sameAsGenerated(t, kind, data)
	})
}

// sameAsGenerated compares what is read by hand with what the generated code reads.
func sameAsGenerated(t interface{ Fatalf(string, ...any) }, kind protoreflect.MessageType, data []byte) {
	want, got := kind.New().Interface(), kind.New().Interface()
	errWant, errGot := proto.Unmarshal(data, want), unmarshal(data, got)
	if (errWant == nil) != (errGot == nil) {
		t.Fatalf("%x: protobuf says %v, and here it is %v", data, errWant, errGot)
	}
	if errWant == nil && !proto.Equal(want, got) {
		t.Fatalf("%x: protobuf reads %v, and here it is %v", data, want, got)
	}
}

// FuzzByHand is TestByHandReadsAsProtobufDoes for whatever a fuzzer thinks of.
func FuzzByHand(f *testing.F) {
	task := &Task{Id: "8c1f", Pool: "blue", Kind: "resize", Payload: []byte{1, 2}, Needs: map[string]int64{"slots": 2}, Priority: 5}
	for i, m := range []proto.Message{
		&TaskRequested{TaskId: "8c1f", Pool: "blue", Kind: "resize", Predicate: "true", Tenant: "acme"},
		&TaskAccepted{Task: task, AtMs: 7},
		&TaskAssigned{TaskId: "8c1f", Pool: "blue", EngineId: "e", Attempt: -1, Token: 1 << 63, Score: proto.Float64(2), Task: task},
		&AttemptFinished{TaskId: "8c1f", Outcome: AttemptFinished_FAILED, Error: &TaskError{Code: "X"}, Result: []byte{}},
		&TaskSucceeded{TaskId: "8c1f", Pool: "blue", Result: []byte("r"), AtMs: -1},
		&QueueEnqueued{Id: "8c1f", Payload: []byte("p"), PayloadType: "text/plain", Creation: 1 << 63, AtMs: 7},
		&QueueDone{Id: "8c1f", Token: 1 << 40, Creation: 9, AtMs: -1},
	} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), data)
		f.Add(uint8(i), append(data, data...))
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		sameAsGenerated(t, readByHand[int(kind)%len(readByHand)].ProtoReflect().Type(), data)
	})
}

// BenchmarkByHand is the reason for it: an assignment as an engine reads it, by hand and
// by the generated code.
func BenchmarkByHand(b *testing.B) {
	data, err := proto.Marshal(&TaskAssigned{
		TaskId: "0199c3f2-8c1f", Pool: "blue", EngineId: "blue-1", Incarnation: "0199c3f2-11", Attempt: 1, Token: 3, View: 17, AtMs: 1_700_000_000_000,
		Task: &Task{Id: "0199c3f2-8c1f", Pool: "blue", Kind: "resize", Payload: make([]byte, 200), PayloadType: "application/json", Priority: 5},
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, read := range map[string]func([]byte, proto.Message) error{"hand": unmarshal, "generated": proto.Unmarshal} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := read(data, &TaskAssigned{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fill gives some fields of m values, and adds some that nobody knows.
func fill(t *rapid.T, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !rapid.Bool().Draw(t, string(fd.Name())) {
			continue
		}
		switch {
		case fd.IsMap() && fd.MapValue().Kind() == protoreflect.Int64Kind:
			key := protoreflect.ValueOfString(rapid.String().Draw(t, "key")).MapKey()
			m.Mutable(fd).Map().Set(key, protoreflect.ValueOfInt64(rapid.Int64().Draw(t, "value")))
		case fd.IsMap():
		case fd.IsList():
			if fd.Kind() == protoreflect.StringKind {
				m.Mutable(fd).List().Append(protoreflect.ValueOfString(rapid.String().Draw(t, "item")))
			}
		case fd.Message() != nil:
			if depth > 0 {
				fill(t, m.Mutable(fd).Message(), depth-1)
			}
		default:
			m.Set(fd, scalar(t, fd))
		}
	}
	if rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
		m.SetUnknown(protowire.AppendString(protowire.AppendTag(nil, 900, protowire.BytesType), "new"))
	}
}

func scalar(t *rapid.T, fd protoreflect.FieldDescriptor) protoreflect.Value {
	n := rapid.Int64().Draw(t, "number")
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.String().Draw(t, "text"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(n)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(n))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n&1 == 1)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n))
	}
	t.Fatalf("no values for %v", fd.FullName())
	return protoreflect.Value{}
}

// apart are names of which none makes another one forgotten, as two of one hash do.
func apart(n int) (names []string) {
	taken := map[any]bool{}
	for i := 0; len(names) < n; i++ {
		name := fmt.Sprint("name-", i)
		if at := place([]byte(name)); !taken[at] {
			taken[at] = true
			names = append(names, name)
		}
	}
	return names
}

// TestByHandSharesNames: that is what it is for.
func TestByHandSharesNames(t *testing.T) {
	names := apart(4)
	data, err := proto.Marshal(&TaskAssigned{
		TaskId: "8c1f", Pool: names[0], EngineId: names[1], Incarnation: names[2], Token: 3,
		Task: &Task{Id: "8c1f", Pool: names[0], Kind: names[3]},
	})
	if err != nil {
		t.Fatal(err)
	}
	var m TaskAssigned
	n := math.Inf(1)
	for range 5 { // The count is of the whole process: the runtime's own allocations are in it.
		n = min(n, testing.AllocsPerRun(100, func() {
			m.Reset()
			if err := unmarshal(data, &m); err != nil {
				t.Fatal(err)
			}
		}))
	}
	if n > 2 {
		t.Errorf("%v allocations, want 2: the task, and its ID once", n)
	}
}

// TestByHandWritesAsProtobufDoes: whatever the message, the same bytes or the same refusal
// come of it, and there is room for them.
func TestByHandWritesAsProtobufDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &QueueEnqueued{}
		fill(t, m.ProtoReflect(), 2)
		want, errWant := deterministic.Marshal(m)
		got, errGot := m.append(nil)
		if (errWant == nil) != (errGot == nil) {
			t.Fatalf("%v: protobuf says %v, and here it is %v", m, errWant, errGot)
		}
		if errWant == nil && (string(want) != string(got) || len(got) > m.room()) {
			t.Fatalf("%v: protobuf writes %x, and here it is %x; room is for %d", m, want, got, m.room())
		}
	})
}
