package events

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Header keys of the CloudEvents Kafka binding and of Spanway.
const (
	HeaderSpecVersion = "ce_specversion"
	HeaderID          = "ce_id"
	HeaderSource      = "ce_source"
	HeaderType        = "ce_type"
	HeaderTime        = "ce_time"
	HeaderSubject     = "ce_subject"
	HeaderContentType = "content-type"
	HeaderTraceparent = "traceparent"
	HeaderTracestate  = "tracestate"

	// HeaderLog is on the first record of every batch of an owned log.
	HeaderLog = "spanway-log"
	// HeaderInputs names the input positions that a batch was decided from.
	HeaderInputs = "spanway-inputs"
	// HeaderFrom names the event that a published record is a copy of.
	HeaderFrom = "spanway-from"
	// HeaderSnapshot is on every record of a snapshot:
	// <fold version>/<offset>/<chunk>/<chunks>, the manifest as the last one.
	HeaderSnapshot = "spanway-snapshot"
	// HeaderCall is on every record of a shared log: the ID of its call, 16 bytes.
	HeaderCall = "spanway-call"
	// HeaderSeen is beside it: the offset below which its writer had folded the log,
	// as a big-endian uint64.
	HeaderSeen = "spanway-seen"
	// HeaderOrigin names the record of another cluster that a replicator made a copy of:
	// cluster-id/topic/partition/offset. HeaderTrail binds it to the copy, and names the
	// clusters in which the record stood before. Only replicators write them.
	HeaderOrigin = "spanway-origin"
	HeaderTrail  = "spanway-trail"
	// HeaderSweep is on a record that deletes a key of a copy whose source does not have it
	// any more: its value is that of HeaderOrigin, which says up to where the source was
	// copied.
	HeaderSweep = "spanway-sweep"
	// HeaderUndecodable is never on the wire: a reader puts it, with the reason
	// as its value, on the empty record that stands in for a batch which it
	// could not decode.
	HeaderUndecodable = "spanway-undecodable"
)

// Content types of data.
const (
	ContentProtobuf = "application/protobuf"
	ContentJSON     = "application/json"
	// Of progress that is output of a command.
	ContentStdout     = "text/x-stdout"
	ContentStderr     = "text/x-stderr"
	ContentCloudEvent = "application/cloudevents"
)

// Encoder writes messages as CloudEvents in binary mode. It is immutable and
// safe for concurrent use.
type Encoder struct {
	// Source becomes ce_source: "/spanway/<site>/<service>", never an instance,
	// so that equal inputs give equal bytes.
	Source string
	// JSON writes data as JSON instead of protobuf.
	JSON bool
}

var (
	specVersion   = []byte("1.0")
	jsonContent   = []byte(ContentJSON)
	deterministic = proto.MarshalOptions{Deterministic: true}
	// sized is for a message whose Size was asked for just before.
	sized = proto.MarshalOptions{Deterministic: true, UseCachedSize: true}
)

// Encode makes the record of m under the given CloudEvents ID, followed by the
// extra headers. Equal arguments give equal bytes. Data without content-type is
// protobuf, so the header is written for JSON only. It fails only on a message
// that has no type or holds invalid UTF-8.
func (e Encoder) Encode(id string, m proto.Message, extra ...Header) (Record, error) {
	r, err := e.encode(id, m, len(extra))
	r.Headers = append(r.Headers, extra...)
	return r, err
}

// EncodeCopy is Encode for what is published of an event: the event's ID also
// becomes the first of the extra headers, spanway-from.
func (e Encoder) EncodeCopy(id string, m proto.Message, extra ...Header) (Record, error) {
	r, err := e.encode(id, m, 1+len(extra))
	if err != nil {
		return r, err
	}
	r.Headers = append(append(r.Headers, Header{HeaderFrom, r.Headers[atID].Value}), extra...)
	return r, nil
}

// atID is where encode puts the header with the ID.
const atID = 1

// encode makes the record in two allocations: one for its bytes, one for its
// headers, with room for so many more.
func (e Encoder) encode(id string, m proto.Message, room int) (Record, error) {
	k := knownMessage(m)
	if k == nil {
		return Record{}, fmt.Errorf("encode %T: not a message of Spanway's wire", m)
	}
	size := 0
	byHand, _ := m.(*QueueEnqueued)
	switch {
	case e.JSON:
		byHand = nil
	case byHand != nil:
		size = byHand.room()
	default:
		size = deterministic.Size(m)
	}
	b := make([]byte, 0, len(id)+len(e.Source)+size)
	b = append(append(b, id...), e.Source...)
	data := len(b)
	var err error
	if byHand != nil {
		b, err = byHand.append(b)
	} else {
		b, err = e.appendData(b, m, sized)
	}
	if err != nil {
		return Record{}, fmt.Errorf("encode %s %q: %w", k.typ, strings.Clone(id), err) // A clone: the ID of a record that is encoded stays on the stack.
	}
	if e.JSON {
		room++
	}
	headers := make([]Header, 4, 4+room)
	headers[0] = Header{HeaderSpecVersion, specVersion}
	headers[atID] = Header{HeaderID, b[:len(id):len(id)]}
	headers[2] = Header{HeaderSource, b[len(id):data:data]}
	headers[3] = Header{HeaderType, k.header}
	if e.JSON {
		headers = append(headers, Header{HeaderContentType, jsonContent})
	}
	return Record{Value: b[data:], Headers: headers}, nil
}

// AppendData appends the data that Encode would write for m to dst, for those
// who make many records and share the memory of their parts.
func (e Encoder) AppendData(dst []byte, m proto.Message) ([]byte, error) {
	return e.appendData(dst, m, deterministic)
}

func (e Encoder) appendData(dst []byte, m proto.Message, o proto.MarshalOptions) ([]byte, error) {
	if !e.JSON {
		return o.MarshalAppend(dst, m)
	}
	b, err := MarshalJSON(m)
	return append(dst, b...), err
}

// MarshalJSON is the protojson mapping in a stable form: protojson itself
// inserts spaces at random, which would make equal messages differ.
func MarshalJSON(m proto.Message) ([]byte, error) {
	b, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	return compactJSON(b)
}
