package network

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/spanway/spanway/pkg/events"
)

// Digest is the sum of the hashes of objects, whatever their order.
func Digest(objects []*Object) (sum uint64) {
	for _, o := range objects {
		sum += o.Hash
	}
	return sum
}

// Equal tells whether two objects say the same, whatever their revisions.
func Equal(a, b *events.NetworkObject) bool { return proto.Equal(a, b) }

// hash is that of an object and its revision. It goes by the numbers of fields, and what
// this program does not know of an object enters it, too: programs of two versions agree.
func hash(m *events.NetworkObject, revision uint64) uint64 {
	b := binary.BigEndian.AppendUint64(nil, revision)
	return xxhash.Sum64(appendMessage(b, m.ProtoReflect()))
}

func appendMessage(b []byte, m protoreflect.Message) []byte {
	type field struct {
		of protoreflect.FieldDescriptor
		v  protoreflect.Value
	}
	var room [8]field // as most messages need, without an allocation
	set := room[:0]
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		set = append(set, field{f, v})
		return true
	})
	slices.SortFunc(set, func(a, b field) int { return cmp.Compare(a.of.Number(), b.of.Number()) })
	for _, s := range set {
		f, v := s.of, s.v
		b = binary.AppendUvarint(b, uint64(f.Number()))
		switch {
		case f.IsMap():
			b = appendMap(b, v.Map())
		case f.IsList():
			b = binary.AppendUvarint(b, uint64(v.List().Len()))
			for i := range v.List().Len() {
				b = appendValue(b, v.List().Get(i))
			}
		default:
			b = appendValue(b, v)
		}
	}
	return appendBytes(append(b, 0), m.GetUnknown())
}

// appendMap appends a map of texts by its sorted keys.
func appendMap(b []byte, m protoreflect.Map) []byte {
	var keys []string
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k.String())
		return true
	})
	slices.Sort(keys)
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, k := range keys {
		b = appendBytes(b, []byte(k))
		b = appendValue(b, m.Get(protoreflect.ValueOfString(k).MapKey()))
	}
	return b
}

func appendValue(b []byte, v protoreflect.Value) []byte {
	switch of := v.Interface().(type) {
	case protoreflect.Message:
		return appendMessage(b, of)
	case string:
		return appendBytes(b, []byte(of))
	default: // Numbers and truths, as the text of them.
		return appendBytes(b, []byte(v.String()))
	}
}

func appendBytes(b, of []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(of))), of...)
}
