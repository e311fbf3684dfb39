package apache

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

// Lose cuts the newest record batches off a partition's log, of which there must be
// that many in its one segment. It is for a broker that was killed: it finds less
// than it had acknowledged when it starts, as after a disk that lost power.
func (b *Broker) Lose(topic string, partition int32, batches int) {
	b.tb.Helper()
	if b.process != nil {
		b.tb.Fatalf("cut %s/%d: Kafka on %s is running; Kill it first", topic, partition, b.Addr())
	}
	name := filepath.Join(b.DataDir(), fmt.Sprintf("%s-%d", topic, partition), fmt.Sprintf("%020d.log", 0))
	segment, err := os.ReadFile(name)
	if err != nil {
		b.tb.Fatalf("cut %s/%d: %v", topic, partition, err)
	}
	var begins []int // of batches: the base offset, the length of what follows, and that
	for at := 0; at+12 <= len(segment); {
		length := int(binary.BigEndian.Uint32(segment[at+8:]))
		if length == 0 {
			break // The file is larger than what it holds.
		}
		begins = append(begins, at)
		at += 12 + length
	}
	if len(begins) < batches {
		b.tb.Fatalf("cut %s/%d: it holds %d batches, not %d", topic, partition, len(begins), batches)
	}
	if err := os.Truncate(name, int64(begins[len(begins)-batches])); err != nil {
		b.tb.Fatalf("cut %s/%d: %v", topic, partition, err)
	}
}
