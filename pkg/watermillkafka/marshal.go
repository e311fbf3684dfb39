package watermillkafka

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/pkg/events"
)

// UUIDHeaderKey is the header that carries a message's UUID, as in
// watermill-kafka. It is reserved: metadata must not have it.
const UUIDHeaderKey = "_watermill_message_uuid"

// Marshaler makes a record of a message. It may be called from several
// goroutines. Publish sets the time, and the key where there is a PartitionKey.
type Marshaler interface {
	Marshal(topic string, msg *message.Message) (events.Record, error)
}

// Unmarshaler makes a message of a record, which it must not change. It is
// called from several goroutines.
type Unmarshaler interface {
	Unmarshal(topic string, record *events.Record) (*message.Message, error)
}

// DefaultMarshaler is the format of watermill-kafka: the payload is the value,
// metadata are headers as they are, and the UUID is one more header. Metadata is
// a map, so of headers with equal keys the last one is read.
type DefaultMarshaler struct{}

// Marshal fails only if the metadata has the reserved key.
func (DefaultMarshaler) Marshal(_ string, msg *message.Message) (events.Record, error) {
	if _, taken := msg.Metadata[UUIDHeaderKey]; taken {
		return events.Record{}, fmt.Errorf("metadata has the key %s, which is reserved for the UUID: remove it", UUIDHeaderKey)
	}
	headers := make([]events.Header, 1, 1+len(msg.Metadata))
	headers[0] = events.Header{Key: UUIDHeaderKey, Value: []byte(msg.UUID)}
	for key, value := range msg.Metadata {
		headers = append(headers, events.Header{Key: key, Value: []byte(value)})
	}
	// Equal messages are equal bytes.
	slices.SortFunc(headers[1:], func(a, b events.Header) int { return strings.Compare(a.Key, b.Key) })
	return events.Record{Value: msg.Payload, Headers: headers}, nil
}

// Unmarshal takes every record: one that no Watermill made has no UUID.
func (DefaultMarshaler) Unmarshal(_ string, record *events.Record) (*message.Message, error) {
	msg := message.NewMessage("", record.Value)
	for i := range record.Headers {
		if h := &record.Headers[i]; h.Key == UUIDHeaderKey {
			msg.UUID = string(h.Value)
		} else {
			msg.Metadata[h.Key] = string(h.Value)
		}
	}
	return msg, nil
}
