package events

import (
	"fmt"

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
)

// Encode makes the record of m under the given CloudEvents ID, followed by the
// extra headers. Equal arguments give equal bytes. Data without content-type is
// protobuf, so the header is written for JSON only. It fails only on a message
// that has no type or holds invalid UTF-8.
func (e Encoder) Encode(id string, m proto.Message, extra ...Header) (Record, error) {
	t := TypeOf(m)
	if t == "" {
		return Record{}, fmt.Errorf("encode %T: not a message of Spanway's wire", m)
	}
	value, err := e.data(m)
	if err != nil {
		return Record{}, fmt.Errorf("encode %s %q: %w", t, id, err)
	}
	headers := make([]Header, 4, 5+len(extra))
	headers[0] = Header{HeaderSpecVersion, specVersion}
	headers[1] = Header{HeaderID, []byte(id)}
	headers[2] = Header{HeaderSource, []byte(e.Source)}
	headers[3] = Header{HeaderType, []byte(t)}
	if e.JSON {
		headers = append(headers, Header{HeaderContentType, jsonContent})
	}
	return Record{Value: value, Headers: append(headers, extra...)}, nil
}

// AppendData appends the data that Encode would write for m to dst, for those
// who make many records and share the memory of their parts.
func (e Encoder) AppendData(dst []byte, m proto.Message) ([]byte, error) {
	if !e.JSON {
		return deterministic.MarshalAppend(dst, m)
	}
	b, err := MarshalJSON(m)
	return append(dst, b...), err
}

func (e Encoder) data(m proto.Message) ([]byte, error) {
	if e.JSON {
		return MarshalJSON(m)
	}
	b, err := deterministic.Marshal(m)
	if b == nil && err == nil {
		b = []byte{} // A null value would be a tombstone.
	}
	return b, err
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
