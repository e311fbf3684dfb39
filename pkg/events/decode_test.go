package events_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	kafka "github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

func request(value string, headers ...string) *events.Record {
	rec := &events.Record{Value: []byte(value)}
	base := []string{"ce_specversion", "1.0", "ce_id", "8c1f", "ce_source", "/shop",
		"ce_type", string(events.TypeTaskRequested), "content-type", "application/json"}
	for kv := append(base, headers...); len(kv) > 0; kv = kv[2:] {
		rec.Headers = append(rec.Headers, events.Header{Key: kv[0], Value: []byte(kv[1])})
	}
	return rec
}

// The request that wire.md shows with kcat.
const resize = `{"taskId":"resize-42","kind":"resize","payloadJson":{"w":640, "id":9007199254740993},
  "predicate":"engine.labels.gpu >= 1","needs":{"slots":1,"memory_bytes":"64Mi"},"executionTimeout":"30s"}`

func TestDecodeBinaryJSON(t *testing.T) {
	t.Parallel()
	env, m, err := events.Decode(request(resize, "traceparent", "00-a-b-01"))
	if err != nil {
		t.Fatal(err)
	}
	req := m.(*events.TaskRequested)
	if env.ID != "8c1f" || env.Traceparent != "00-a-b-01" || req.TaskId != "resize-42" {
		t.Errorf("envelope %+v, request %v", env, req)
	}
	if want := `{"w":640,"id":9007199254740993}`; string(req.Payload) != want {
		t.Errorf("payload %s, want %s with every digit kept", req.Payload, want)
	}
}

func TestDecodeStructured(t *testing.T) {
	t.Parallel()
	rec := &events.Record{
		Headers: []events.Header{{Key: "content-type", Value: []byte("Application/CloudEvents+json; charset=utf-8")}},
		Value:   []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"spanway.task.requested.v1","data":{"kind":"noop"}}`),
	}
	_, m, err := events.Decode(rec)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.(*events.TaskRequested).Kind; got != "noop" {
		t.Errorf("kind %q", got)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	many := request(`{"kind":"noop"}`)
	for range 10_000 {
		many.Headers = append(many.Headers, events.Header{Key: "x"})
	}
	null := request("")
	null.Value = nil
	unknownProto := request("\xfa\x7f\x01x", "content-type", events.ContentProtobuf)
	for name, c := range map[string]struct {
		rec  *events.Record
		code events.Code
	}{
		"no envelope":        {&events.Record{Value: []byte("hello")}, events.CodeBadEnvelope},
		"no id":              {request(`{"kind":"x"}`, "ce_id", ""), events.CodeBadEnvelope},
		"other version":      {request(`{}`, "ce_specversion", "0.3"), events.CodeBadEnvelope},
		"other content":      {request(`{}`, "content-type", "text/plain"), events.CodeBadEnvelope},
		"malformed content":  {request(`{}`, "content-type", "///;;"), events.CodeBadEnvelope},
		"bad structured":     {request(`{"specversion":`, "content-type", "application/cloudevents+json"), events.CodeBadEnvelope},
		"unknown type":       {request(`{}`, "ce_type", "com.example.v1"), events.CodeUnknownType},
		"unknown JSON field": {request(`{"kind":"x","color":"red"}`), events.CodeUnknownField},
		"unknown field":      {unknownProto, events.CodeUnknownField},
		"malformed JSON":     {request(`{"kind":`), events.CodeBadData},
		"malformed protobuf": {request("\xff\xff", "content-type", events.ContentProtobuf), events.CodeBadData},
		"null value":         {null, events.CodeBadData},
		"two payloads":       {request(`{"kind":"x","payload":"AAAA","payloadJson":1}`), events.CodeBadData},
		"many headers":       {many, events.CodeTooLarge},
		"large headers":      {request(`{}`, "x", strings.Repeat("x", 20<<10)), events.CodeTooLarge},
		"large value":        {request(strings.Repeat("x", 600<<10)), events.CodeTooLarge},
	} {
		_, _, err := events.Decode(c.rec)
		var bad *events.Malformed
		if !errors.As(err, &bad) || bad.Code != c.code {
			t.Errorf("%s: %v, want code %s", name, err, c.code)
		}
	}
}

// An unknown field is refused wherever in the message it is.
func TestUnknownFieldsWithin(t *testing.T) {
	t.Parallel()
	unknown := protoreflect.RawFields("\xfa\x7f\x01x")
	for name, m := range map[string]proto.Message{
		"in a message": &events.TaskRequested{Kind: "x", Retry: &events.RetryRequested{}},
		"in a map":     &events.TaskRequested{Kind: "x", Needs: map[string]*structpb.Value{"slots": structpb.NewNumberValue(1)}},
		"in a list": &events.TaskRequested{Kind: "x", PayloadJson: structpb.NewListValue(
			&structpb.ListValue{Values: []*structpb.Value{structpb.NewBoolValue(true), structpb.NewBoolValue(false)}})},
	} {
		req := m.(*events.TaskRequested)
		if _, _, err := events.Decode(encoded(t, req)); err != nil {
			t.Errorf("%s: without any: %v", name, err)
		}
		switch {
		case req.Retry != nil:
			req.Retry.ProtoReflect().SetUnknown(unknown)
		case req.Needs != nil:
			req.Needs["slots"].ProtoReflect().SetUnknown(unknown)
		default:
			req.PayloadJson.GetListValue().Values[1].ProtoReflect().SetUnknown(unknown)
		}
		_, _, err := events.Decode(encoded(t, req))
		var bad *events.Malformed
		if !errors.As(err, &bad) || bad.Code != events.CodeUnknownField {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func encoded(t *testing.T, m proto.Message) *events.Record {
	t.Helper()
	r, err := events.Encoder{Source: "/"}.Encode("1", m)
	if err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestEventsIgnoreUnknownFields(t *testing.T) {
	t.Parallel()
	rec := request(`{"taskId":"a","fromTheFuture":1}`, "ce_type", string(events.TypeTaskStarted))
	if _, _, err := events.Decode(rec); err != nil {
		t.Error(err)
	}
}

func TestPartitionIsTheJavaClients(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "key")
		n := rapid.IntRange(1, 64).Draw(t, "n")
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		want := kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: key}, all...)
		if got := events.Partition(string(key), int32(n)); int(got) != want {
			t.Fatalf("partition %d of key %q among %d, want %d", got, key, n, want)
		}
		if got := events.PartitionOfBytes(key, int32(n)); int(got) != want {
			t.Fatalf("partition %d of the bytes %q among %d, want %d", got, key, n, want)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(resize), "application/json", string(events.TypeTaskRequested))
	f.Add([]byte("\x0a\x01a"), "", string(events.TypeTaskAccepted))
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"/s","type":"spanway.task.requested.v1","data_base64":"AA=="}`), "application/cloudevents", "")
	f.Fuzz(func(t *testing.T, value []byte, contentType, typ string) {
		rec := request("", "content-type", contentType, "ce_type", typ)
		rec.Value = value
		env, m, err := events.Decode(rec)
		var bad *events.Malformed
		if err != nil {
			if !errors.As(err, &bad) {
				t.Fatalf("%v is no *Malformed", err)
			}
			return
		}
		again, err := events.Encoder{Source: env.Source}.Encode(env.ID, m)
		if err != nil {
			t.Skip("invalid UTF-8 inside of unknown fields")
		}
		_, m2, err := events.Decode(&again)
		if err != nil {
			t.Fatalf("what was encoded is refused: %v", err)
		}
		third, err := events.Encoder{Source: env.Source}.Encode(env.ID, m2)
		if err != nil || !bytes.Equal(again.Value, third.Value) {
			t.Fatalf("encoding is not stable: %x, %x, %v", again.Value, third.Value, err)
		}
	})
}

func TestJSONWithoutContentTypeGetsAHint(t *testing.T) {
	rec := &events.Record{Value: []byte(`{"taskId":"t","kind":"k"}`)}
	for _, h := range request("").Headers {
		if h.Key != events.HeaderContentType {
			rec.Headers = append(rec.Headers, h)
		}
	}
	_, _, err := events.Decode(rec)
	if err == nil || !strings.Contains(err.Error(), "content-type") || !strings.Contains(err.Error(), "application/json") {
		t.Errorf("%v; want a hint at the header", err)
	}
}

// JSON without the header that says so is refused by a text that names what is missing.
func TestAMissingContentTypeIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ value, contentType, says string }{
		"JSON, no header":          {`{"application":"shop","topics":["orders"]}`, "", "the header content-type is missing, so that data is read as a protobuf ReplicationApplicationAnnounced, and it is JSON: add the header with application/json"},
		"JSON that is torn":        {`{"application":"shop",`, "", "the header content-type is missing, so that data is read as a protobuf ReplicationApplicationAnnounced, and it is none: "},
		"JSON, of another content": {`{"application":"shop"}`, events.ContentProtobuf, "but JSON: the header content-type must be application/json"},
		"a torn protobuf":          {"\xff\xff", events.ContentProtobuf, "data is not a protobuf ReplicationApplicationAnnounced: "},
	} {
		r := events.Record{Value: []byte(c.value), Headers: []events.Header{
			{Key: events.HeaderSpecVersion, Value: []byte("1.0")}, {Key: events.HeaderID, Value: []byte("1")}, {Key: events.HeaderSource, Value: []byte("/shop")},
			{Key: events.HeaderType, Value: []byte(events.TypeReplicationApplicationAnnounced)},
		}}
		if c.contentType != "" {
			r.Headers = append(r.Headers, events.Header{Key: events.HeaderContentType, Value: []byte(c.contentType)})
		}
		if _, err := events.Message(&r); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
