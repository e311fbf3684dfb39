package events

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Encoding by hand: of what is put into queues, which is encoded for each entry. It gives
// the bytes that protobuf gives (TestByHandWritesAsProtobufDoes), in less time.

// room is how many bytes of data there are at most.
func (x *QueueEnqueued) room() int {
	const tags = 5 * (1 + 10) // with lengths
	return tags + len(x.Id) + len(x.Payload) + len(x.PayloadType) + len(x.unknownFields)
}

// append appends the data of a message. What is not as it should be is left to protobuf.
func (x *QueueEnqueued) append(dst []byte) ([]byte, error) {
	if !utf8.ValidString(x.Id) || !utf8.ValidString(x.PayloadType) || len(x.unknownFields) > 0 {
		return deterministic.MarshalAppend(dst, x)
	}
	if x.Id != "" {
		dst = protowire.AppendString(protowire.AppendVarint(dst, 1<<3|length), x.Id)
	}
	if len(x.Payload) > 0 {
		dst = protowire.AppendBytes(protowire.AppendVarint(dst, 2<<3|length), x.Payload)
	}
	if x.PayloadType != "" {
		dst = protowire.AppendString(protowire.AppendVarint(dst, 3<<3|length), x.PayloadType)
	}
	if x.Creation != 0 {
		dst = protowire.AppendFixed64(protowire.AppendVarint(dst, 14<<3|fixed64), x.Creation)
	}
	if x.AtMs != 0 {
		dst = protowire.AppendVarint(protowire.AppendVarint(dst, 15<<3|varint), uint64(x.AtMs))
	}
	return dst, nil
}
