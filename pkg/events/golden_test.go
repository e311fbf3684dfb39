package events_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

var rewrite = flag.Bool("rewrite", false, "write the newest golden fixtures anew; those of a release must never change")

// newest is the folder of the fixtures that have every field of today's schemas.
// Whoever adds a field after a release begins a new folder; older ones stay.
const newest = "2"

// A fixture is a record as it stood on the wire: its headers, a blank line, and
// its value in hex (protobuf) or as it is (JSON).
func TestGoldenFixtures(t *testing.T) {
	t.Parallel()
	for _, typ := range events.Types() {
		for _, asJSON := range []bool{false, true} {
			name := fixtureName(typ, asJSON)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				want := filled(events.New(typ).ProtoReflect(), 1).Interface()
				rec, err := events.Encoder{Source: "/spanway/ams/scheduler", JSON: asJSON}.Encode("spanway.tasks.events/3/7/42", want)
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join("testdata", "golden", newest, name)
				if *rewrite {
					if err := os.WriteFile(path, render(rec, asJSON), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if got := render(rec, asJSON); string(got) != string(text) {
					t.Errorf("the encoding changed; programs of an older release would disagree\n got %s\nwant %s", got, text)
				}
				_, got, err := events.Decode(parse(t, text, asJSON))
				if err != nil {
					t.Fatal(err)
				}
				if !proto.Equal(normalised(got), normalised(want)) {
					t.Errorf("decoded %v, want %v", got, want)
				}
			})
		}
	}
}

// TestOlderFixtures: what an older release wrote is read as it was meant, and
// would be written the same today.
func TestOlderFixtures(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join("testdata", "golden", "*", "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		asJSON := strings.HasSuffix(path, ".json.txt")
		env, m, err := events.Decode(parse(t, text, asJSON))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if env.Type == events.TypeTaskRequested {
			continue // Decode makes a payload of its payloadJson.
		}
		rec, err := events.Encoder{Source: env.Source, JSON: asJSON}.Encode(env.ID, m)
		if err != nil {
			t.Fatal(err)
		}
		if got := render(rec, asJSON); string(got) != string(text) {
			t.Errorf("%s: written anew it is\n%s", path, got)
		}
	}
}

// normalised applies what Decode does to payloadJson.
func normalised(m proto.Message) proto.Message {
	if r, ok := m.(*events.TaskRequested); ok {
		r = proto.Clone(r).(*events.TaskRequested)
		r.PayloadJson, r.Payload = nil, nil
		return r
	}
	return m
}

func fixtureName(typ events.Type, asJSON bool) string {
	if asJSON {
		return string(typ) + ".json.txt"
	}
	return string(typ) + ".pb.txt"
}

func render(rec events.Record, asJSON bool) []byte {
	var b strings.Builder
	for _, h := range rec.Headers {
		fmt.Fprintf(&b, "%s: %s\n", h.Key, h.Value)
	}
	if asJSON {
		fmt.Fprintf(&b, "\n%s\n", rec.Value)
	} else {
		fmt.Fprintf(&b, "\n%s\n", hex.EncodeToString(rec.Value))
	}
	return []byte(b.String())
}

func parse(t *testing.T, text []byte, asJSON bool) *events.Record {
	t.Helper()
	head, value, ok := strings.Cut(string(text), "\n\n")
	if !ok {
		t.Fatal("a fixture needs a blank line before its value")
	}
	rec := &events.Record{Value: []byte(strings.TrimSuffix(value, "\n"))}
	for line := range strings.Lines(head) {
		key, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		rec.Headers = append(rec.Headers, events.Header{Key: key, Value: []byte(v)})
	}
	if !asJSON {
		b, err := hex.DecodeString(string(rec.Value))
		if err != nil {
			t.Fatal(err)
		}
		rec.Value = b
	}
	return rec
}

// filled sets every field to a value that differs from its zero.
func filled(m protoreflect.Message, depth int) protoreflect.Message {
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
				mv.Set(protoreflect.ValueOfString(key).MapKey(), one(mv.NewValue(), fd.MapValue(), depth))
			}
		case fd.IsList():
			list := m.Mutable(fd).List()
			list.Append(one(list.NewElement(), fd, depth))
			list.Append(one(list.NewElement(), fd, depth))
		default:
			m.Set(fd, one(m.NewField(fd), fd, depth))
		}
	}
	return m
}

func one(zero protoreflect.Value, fd protoreflect.FieldDescriptor, depth int) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.MessageKind:
		return protoreflect.ValueOfMessage(filled(zero.Message(), depth+1))
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
