package events

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Envelope is what a record's headers say of it.
type Envelope struct {
	ID          string
	Source      string
	Type        Type
	Subject     string
	ContentType string
	Traceparent string
	Tracestate  string
}

// TypeOfRecord reads the type alone, for binary mode.
func TypeOfRecord(r *Record) Type {
	v, _ := r.Header(HeaderType)
	return typeOf(v)
}

func typeOf(b []byte) Type {
	if k := lookup().byType[Type(b)]; k != nil {
		return k.typ // The same string again: no allocation.
	}
	return Type(b)
}

// Decode reads a record in binary or structured mode with protobuf or JSON
// data. Commands and reports are read strictly: an unknown field is refused.
// Every error is a *Malformed; the envelope is filled as far as it could be
// read, so that the refusal can be told to somebody.
func Decode(r *Record) (Envelope, proto.Message, error) {
	if reason, bad := r.Header(HeaderUndecodable); bad && len(r.Headers) == 1 {
		return Envelope{}, nil, Refuse(CodeBadEnvelope, "%s", reason)
	}
	if err := checkLimits(r); err != nil {
		return Envelope{}, nil, err
	}
	return DecodeTrusted(r)
}

// DecodeTrusted is Decode without the limits of size. It is for owned logs and
// what is published from them: what counts must be read by all, however large.
func DecodeTrusted(r *Record) (Envelope, proto.Message, error) {
	var env envelope
	m, err := env.decode(r)
	return env.text(), m, err
}

// DecodeKnown is Decode of what is known of a record: it skips unknown fields, and
// so finds out where the refusal of a record is to go.
func DecodeKnown(r *Record) (Envelope, proto.Message, error) {
	if err := checkLimits(r); err != nil {
		return Envelope{}, nil, err
	}
	env := envelope{lenient: true}
	m, err := env.decode(r)
	return env.text(), m, err
}

// Message is DecodeTrusted for those who do not ask what the envelope says.
func Message(r *Record) (proto.Message, error) {
	var env envelope
	return env.decode(r)
}

// decode fills in the envelope and returns the data.
func (env *envelope) decode(r *Record) (proto.Message, error) {
	data, err := env.open(r)
	if err != nil {
		return nil, err
	}
	if err := env.check(); err != nil {
		return nil, err
	}
	k := lookup().byType[Type(env.typ)]
	if k == nil {
		return nil, Refuse(CodeUnknownType, "ce_type %.200q is not known here", env.typ)
	}
	if data == nil {
		return nil, Refuse(CodeBadData, "the value is null; a %s needs data", env.typ)
	}
	env.known = k
	m := k.message.New().Interface()
	if err := env.unmarshal(data, m, (k.kind == Command || k.kind == Report) && !env.lenient); err != nil {
		return nil, err
	}
	return m, nil
}

func checkLimits(r *Record) error {
	if len(r.Headers) > MaxHeaders {
		return Refuse(CodeTooLarge, "%d headers; at most %d are allowed", len(r.Headers), MaxHeaders)
	}
	n := 0
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	if n > MaxHeaderBytes {
		return Refuse(CodeTooLarge, "%d bytes of headers; at most %d are allowed", n, MaxHeaderBytes)
	}
	if size := n + len(r.Key) + len(r.Value); size > MaxRecordBytes {
		return Refuse(CodeTooLarge, "a record of %d bytes; at most %d are allowed", size, MaxRecordBytes)
	}
	return nil
}

// envelope is an Envelope that is not text yet, and so costs nothing.
type envelope struct {
	specVersion, id, source, typ, subject, contentType, traceparent, tracestate []byte
	known                                                                       *known // what typ says, once it was looked up
	lenient                                                                     bool   // unknown fields are skipped
}

// text makes the Envelope. Sources and content types repeat, and are mostly not
// allocated anew.
func (env *envelope) text() Envelope {
	var typ Type
	if env.known != nil {
		typ = env.known.typ
	} else {
		typ = typeOf(env.typ)
	}
	return Envelope{
		ID: string(env.id), Source: repeated(env.source), Type: typ, Subject: string(env.subject),
		ContentType: repeated(env.contentType), Traceparent: string(env.traceparent), Tracestate: string(env.tracestate),
	}
}

// open splits a record into envelope and data, whichever mode it is in.
func (env *envelope) open(r *Record) ([]byte, error) {
	for i := range r.Headers {
		h := &r.Headers[i]
		switch h.Key {
		case HeaderSpecVersion:
			env.specVersion = h.Value
		case HeaderID:
			env.id = h.Value
		case HeaderSource:
			env.source = h.Value
		case HeaderType:
			env.typ = h.Value
		case HeaderSubject:
			env.subject = h.Value
		case HeaderContentType:
			env.contentType = h.Value
		case HeaderTraceparent:
			env.traceparent = h.Value
		case HeaderTracestate:
			env.tracestate = h.Value
		}
	}
	if len(env.contentType) >= len(ContentCloudEvent) &&
		strings.EqualFold(string(env.contentType[:len(ContentCloudEvent)]), ContentCloudEvent) {
		return env.openStructured(r.Value)
	}
	return r.Value, env.checkSpecVersion()
}

func (env *envelope) checkSpecVersion() error {
	switch string(env.specVersion) {
	case "1.0", "1.0.2":
		return nil
	case "":
		return Refuse(CodeBadEnvelope, "no ce_specversion; a record needs ce_specversion=1.0, ce_id, ce_source and ce_type")
	}
	return Refuse(CodeBadEnvelope, "ce_specversion is %.40q; only 1.0 is read", env.specVersion)
}

// structured is a CloudEvent in structured mode, JSON format.
type structured struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            Type            `json:"type"`
	Subject         string          `json:"subject"`
	DataContentType string          `json:"datacontenttype"`
	Traceparent     string          `json:"traceparent"`
	Tracestate      string          `json:"tracestate"`
	Data            json.RawMessage `json:"data"`
	DataBase64      *string         `json:"data_base64"`
}

func (env *envelope) openStructured(value []byte) ([]byte, error) {
	lenient := env.lenient
	*env = envelope{}
	var s structured
	if err := json.Unmarshal(value, &s); err != nil {
		return nil, Refuse(CodeBadEnvelope, "structured CloudEvent: %v", err)
	}
	*env = envelope{
		specVersion: []byte(s.SpecVersion), id: []byte(s.ID), source: []byte(s.Source), typ: []byte(s.Type), subject: []byte(s.Subject),
		contentType: []byte(s.DataContentType), traceparent: []byte(s.Traceparent), tracestate: []byte(s.Tracestate), lenient: lenient,
	}
	if s.DataContentType == "" {
		env.contentType = jsonContent
	}
	if err := env.checkSpecVersion(); err != nil {
		return nil, err
	}
	if s.DataBase64 == nil {
		return s.Data, nil
	}
	data, err := base64.StdEncoding.DecodeString(*s.DataBase64)
	if err != nil {
		return nil, Refuse(CodeBadEnvelope, "data_base64: %v", err)
	}
	return data, nil
}

func (env *envelope) check() error {
	switch {
	case len(env.id) == 0:
		return Refuse(CodeBadEnvelope, "ce_id is missing or empty")
	case len(env.source) == 0:
		return Refuse(CodeBadEnvelope, "ce_source is missing or empty")
	case len(env.typ) == 0:
		return Refuse(CodeBadEnvelope, "ce_type is missing or empty")
	}
	return nil
}

func (env *envelope) unmarshal(data []byte, m proto.Message, strict bool) error {
	isJSON, err := contentIsJSON(env.contentType)
	if err != nil {
		return err
	}
	if isJSON {
		return unmarshalJSON(data, m, strict)
	}
	if err := unmarshal(data, m); err != nil {
		return env.noProtobuf(data, m, err)
	}
	if strict {
		if at, number := unknownField(m.ProtoReflect()); at != "" {
			return Refuse(CodeUnknownField, "%s has a field of number %d that is not known here; write it by this version's schema", at, number)
		}
	}
	return nil
}

// noProtobuf refuses data that is to be a protobuf and is none. Without a content-type that may
// be all that is missing.
func (env *envelope) noProtobuf(data []byte, m proto.Message, err error) error {
	name, isJSON := m.ProtoReflect().Descriptor().Name(), json.Valid(data)
	switch {
	case len(env.contentType) == 0 && isJSON:
		return Refuse(CodeBadData, "the header content-type is missing, so that data is read as a protobuf %s, and it is JSON: add the header with %s", name, ContentJSON)
	case len(env.contentType) == 0:
		return Refuse(CodeBadData, "the header content-type is missing, so that data is read as a protobuf %s, and it is none: %v; JSON needs the header with %s", name, err, ContentJSON)
	case isJSON:
		return Refuse(CodeBadData, "data is not a protobuf %s but JSON: the header content-type must be %s", name, ContentJSON)
	}
	return Refuse(CodeBadData, "data is not a protobuf %s: %v", name, err)
}

func contentIsJSON(contentType []byte) (bool, error) {
	switch string(contentType) {
	case "", ContentProtobuf:
		return false, nil
	case ContentJSON:
		return true, nil
	}
	media, _, err := mime.ParseMediaType(string(contentType))
	switch {
	case err != nil:
		return false, Refuse(CodeBadEnvelope, "content-type %.100q: %v", contentType, err)
	case media == ContentProtobuf:
		return false, nil
	case media == ContentJSON:
		return true, nil
	}
	return false, Refuse(CodeBadEnvelope, "content-type %.100q; data is read as %s or %s", contentType, ContentProtobuf, ContentJSON)
}

func unmarshalJSON(data []byte, m proto.Message, strict bool) error {
	err := protojson.UnmarshalOptions{DiscardUnknown: !strict}.Unmarshal(data, m)
	switch {
	case err == nil:
		return keepPayloadText(data, m)
	case strings.Contains(err.Error(), "unknown field"):
		return unknownName(cleanSpaces(err), m.ProtoReflect().Descriptor())
	}
	return Refuse(CodeBadData, "data is not a JSON %s: %v", m.ProtoReflect().Descriptor().Name(), cleanSpaces(err))
}

// keepPayloadText moves payloadJson into payload as the producer wrote it:
// through a Value, large integers would lose digits.
func keepPayloadText(data []byte, m proto.Message) error {
	req, ok := m.(*TaskRequested)
	if !ok || req.PayloadJson == nil {
		return nil
	}
	var text struct {
		Camel json.RawMessage `json:"payloadJson"`
		Snake json.RawMessage `json:"payload_json"`
	}
	if err := json.Unmarshal(data, &text); err != nil {
		return Refuse(CodeBadData, "payloadJson: %v", err)
	}
	raw := text.Camel
	if raw == nil {
		raw = text.Snake
	}
	compact, err := compactJSON(raw)
	if err != nil {
		return Refuse(CodeBadData, "payloadJson: %v", err)
	}
	if len(req.Payload) > 0 {
		return Refuse(CodeBadData, "payload and payloadJson are both given; give one")
	}
	req.Payload, req.PayloadJson = compact, nil
	if req.PayloadType == "" {
		req.PayloadType = ContentJSON
	}
	return nil
}

func compactJSON(b []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(b))
	if err := json.Compact(&out, b); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// cleanSpaces undoes the no-break spaces that protobuf's errors contain at random.
func cleanSpaces(err error) string { return strings.ReplaceAll(err.Error(), "\u00a0", " ") }
