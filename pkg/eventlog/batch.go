package eventlog

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/spanway/spanway/pkg/events"
)

const (
	// fullBatch is where a batch ends at the next border between inputs.
	fullBatch = 900 << 10
	// roomForAdvance is how large a batch may be for Advance to add to it.
	roomForAdvance = 512 << 10
	// maxBatch is below max.message.bytes of the topic, which is 2 MiB.
	maxBatch = 2<<20 - 64<<10
)

// batch collects encoded events. Its memory is used again for the next one.
type batch struct {
	encoder events.Encoder
	source  []byte
	// idPrefix is topic/partition/epoch/, what all IDs of an epoch begin with.
	idPrefix []byte

	// canonical holds type and value of each event behind their lengths, just
	// as they are hashed; the records point into it.
	canonical []byte
	ids       []byte
	spans     []span
	logged    []events.Logged
	size      int

	inputs  []byte
	header  []byte
	headers []events.Header
	records []events.Record
}

// span is where the parts of one record stand.
type span struct {
	id, idEnd            int
	typ, value, valueEnd int
	timestamp            int64
}

// size is about what the record takes.
func (s span) size() int { return recordOverhead + s.valueEnd - s.typ }

var (
	specVersion = []byte("1.0")
	jsonContent = []byte(events.ContentJSON)
)

// recordOverhead is more than the headers of an event take without their values.
const recordOverhead = 128

func (b *batch) begin(encoder events.Encoder, topic string, partition int32, epoch uint32) {
	b.encoder, b.source = encoder, []byte(encoder.Source)
	b.idPrefix = fmt.Appendf(nil, "%s/%d/%d/", topic, partition, epoch)
	b.reset()
}

func (b *batch) reset() {
	clear(b.logged) // Messages are not kept longer than the core wants.
	b.canonical, b.ids, b.spans, b.logged, b.size = b.canonical[:0], b.ids[:0], b.spans[:0], b.logged[:0], 0
}

// add encodes an event. On an error the batch is as it was.
func (b *batch) add(l events.Logged, timestamp int64) error {
	mark := len(b.canonical)
	s := span{id: len(b.ids), timestamp: timestamp}
	b.canonical = appendLength(b.canonical, len(l.Type))
	s.typ = len(b.canonical)
	b.canonical = append(b.canonical, l.Type...)
	b.canonical = appendLength(b.canonical, 0)
	s.value = len(b.canonical)
	out, err := b.encoder.AppendData(b.canonical, l.Message)
	if err != nil {
		b.canonical = b.canonical[:mark]
		return fmt.Errorf("encode %s: %w", l.Type, err)
	}
	b.canonical = out
	s.valueEnd = len(out)
	binary.BigEndian.PutUint32(b.canonical[s.value-4:], uint32(s.valueEnd-s.value))
	b.ids = strconv.AppendUint(append(b.ids, b.idPrefix...), uint64(l.N), 10)
	s.idEnd = len(b.ids)
	b.spans = append(b.spans, s)
	b.logged = append(b.logged, l)
	b.size += recordOverhead + len(b.source) + (s.valueEnd - s.typ) + (s.idEnd - s.id)
	return nil
}

func appendLength(dst []byte, n int) []byte { return binary.BigEndian.AppendUint32(dst, uint32(n)) }

// seal makes the records. They are valid until the next add or reset.
func (b *batch) seal(h *Header, positions Positions) []events.Record {
	h.Records = uint32(len(b.spans))
	b.inputs = positions.Append(b.inputs[:0])
	if b.inputs == nil {
		b.inputs = []byte{} // Present and empty is not the same as absent.
	}
	h.Hash = hashCanonical(h.Prev, b.inputs, b.canonical)
	b.header = h.Append(b.header[:0])
	// Records point into headers, so it must not grow while they are made.
	if need := 5*len(b.spans) + 2; cap(b.headers) < need {
		b.headers = make([]events.Header, 0, need+need/4)
	}
	b.headers, b.records = b.headers[:0], b.records[:0]
	for i := range b.spans {
		b.records = append(b.records, b.record(i))
	}
	return b.records
}

func (b *batch) record(i int) events.Record {
	s, first := b.spans[i], len(b.headers)
	b.headers = append(b.headers,
		events.Header{Key: events.HeaderSpecVersion, Value: specVersion},
		events.Header{Key: events.HeaderID, Value: b.ids[s.id:s.idEnd]},
		events.Header{Key: events.HeaderSource, Value: b.source},
		events.Header{Key: events.HeaderType, Value: b.canonical[s.typ : s.value-4]},
	)
	if b.encoder.JSON {
		b.headers = append(b.headers, events.Header{Key: events.HeaderContentType, Value: jsonContent})
	}
	if i == 0 {
		b.headers = append(b.headers,
			events.Header{Key: events.HeaderLog, Value: b.header},
			events.Header{Key: events.HeaderInputs, Value: b.inputs},
		)
	}
	return events.Record{
		Timestamp: s.timestamp,
		Value:     b.canonical[s.value:s.valueEnd],
		Headers:   b.headers[first:len(b.headers):len(b.headers)],
	}
}
