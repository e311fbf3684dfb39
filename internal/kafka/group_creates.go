package kafka

import (
	"encoding/binary"
	"net"
	"slices"

	"github.com/segmentio/kafka-go/protocol"
)

// createsNothing is a connection of a group's member. The member that assigns the partitions asks
// how many there are, and kafka-go allows the broker to create the topic then, which cannot be
// turned off: on a cluster with auto.create.topics.enable, Kafka's default, a topic that was deleted
// came back, with other settings, for as long as a group was left that had it.
type createsNothing struct{ net.Conn }

// Versions of a Metadata request whose last byte says whether topics may be created.
const firstCreates, lastCreates = 4, 7

// Write implements net.Conn. kafka-go writes a small request, as this one is, at once.
func (c createsNothing) Write(b []byte) (int, error) {
	const header = 8 // the length, the key and the version
	if len(b) > header && int(binary.BigEndian.Uint32(b)) == len(b)-4 && protocol.ApiKey(binary.BigEndian.Uint16(b[4:])) == protocol.Metadata {
		if v := binary.BigEndian.Uint16(b[6:]); v >= firstCreates && v <= lastCreates {
			b = append(slices.Clone(b[:len(b)-1]), 0)
		}
	}
	return c.Conn.Write(b)
}
