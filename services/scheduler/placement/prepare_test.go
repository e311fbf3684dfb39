package placement

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// record is a command in JSON as kcat would send it.
func record(typ events.Type, json string, extra ...events.Header) *events.Record {
	return &events.Record{Key: []byte(blue), Value: []byte(json), Headers: append([]events.Header{
		{Key: events.HeaderSpecVersion, Value: []byte("1.0")}, {Key: events.HeaderID, Value: []byte("ce-1")},
		{Key: events.HeaderSource, Value: []byte("/test")}, {Key: events.HeaderType, Value: []byte(typ)},
		{Key: events.HeaderContentType, Value: []byte(events.ContentJSON)},
	}, extra...)}
}

func TestBadRecords(t *testing.T) {
	many := make([]events.Header, 10_000)
	for i := range many {
		many[i] = events.Header{Key: fmt.Sprintf("h%d", i), Value: []byte("x")}
	}
	invalid := record(events.TypeTaskRequested, `{"kind":"k"}`)
	invalid.Key = []byte{0xff, 0xfe}
	null := record(events.TypeTaskRequested, "")
	null.Value = nil
	tests := []struct {
		name   string
		topic  string
		rec    *events.Record
		code   events.Code
		taskID string // Empty: the record goes to the dead letters.
	}{
		{"no envelope", "requests", &events.Record{Value: []byte("hello")}, events.CodeBadEnvelope, ""},
		{"null value", "requests", null, events.CodeBadData, ""},
		{"not JSON", "requests", record(events.TypeTaskRequested, `{"kind":`), events.CodeBadData, ""},
		{"wrong field type", "requests", record(events.TypeTaskRequested, `{"taskId":"t","kind":7}`), events.CodeBadData, "t"},
		{"unknown field", "requests", record(events.TypeTaskRequested, `{"taskId":"t","kind":"k","accepts":"true"}`), events.CodeUnknownField, "t"},
		{"not before", "requests", record(events.TypeTaskRequested, `{"taskId":"t","kind":"k","notBefore":"tomorrow"}`), events.CodeBadData, "t"},
		{"not before 1971", "requests", record(events.TypeTaskRequested, `{"taskId":"t","kind":"k","notBefore":"1971-01-01T00:20:00Z"}`), events.CodeBadData, "t"},
		{"prefer", "requests", record(events.TypeTaskRequested, `{"taskId":"t","kind":"k","prefer":"engine.site"}`), events.CodeBadPrefer, "t"},
		{"replay under an ID", "requests", record(events.TypeTaskRequested, `{"taskId":"t","kind":"k","replayOf":"x"}`), events.CodeBadData, "t"},
		{"replay of no ID", "requests", record(events.TypeTaskRequested, `{"kind":"k","replayOf":"a\nb"}`), events.CodeBadData, "ce-1"},
		{"unknown type", "requests", record("spanway.task.wished.v1", `{}`), events.CodeUnknownType, ""},
		{"event among requests", "requests", record(events.TypeTaskAccepted, `{}`), events.CodeUnknownType, ""},
		{"report among requests", "requests", record(events.TypeAttemptFinished, `{}`), events.CodeUnknownType, ""},
		{"request among reports", "reports", record(events.TypeTaskRequested, `{"kind":"k"}`), events.CodeUnknownType, ""},
		{"ten thousand headers", "requests", record(events.TypeTaskRequested, `{"kind":"k"}`, many...), events.CodeTooLarge, ""},
		{"key is no text", "requests", invalid, events.CodeBadData, ""},
		{"no kind", "requests", record(events.TypeTaskRequested, `{"taskId":"t"}`), events.CodeBadData, "t"},
		{"ID from ce_id", "requests", record(events.TypeTaskRequested, `{}`), events.CodeBadData, "ce-1"},
		{"control character", "requests", record(events.TypeTaskRequested, `{"taskId":"a\nb","kind":"k"}`), events.CodeBadData, ""},
		{"negative need", "requests", record(events.TypeTaskRequested, `{"taskId":"t","kind":"k","needs":{"slots":-1}}`), events.CodeBadNeeds, "t"},
		{"predicate", "requests", record(events.TypeTaskRequested, `{"taskId":"t","kind":"k","predicate":"1 +"}`), events.CodeBadPredicate, "t"},
		{"payload", "requests", record(events.TypeTaskRequested, `{"taskId":"t","kind":"k","payloadJson":"`+strings.Repeat("x", 300<<10)+`"}`), events.CodeTooLarge, "t"},
		{"record", "requests", record(events.TypeTaskRequested, strings.Repeat(" ", 600<<10)), events.CodeTooLarge, ""},
		{"cancel of nothing", "requests", record(events.TypeTaskCancelRequested, `{}`), events.CodeBadData, ""},
		{"retry of nothing", "requests", record(events.TypeTaskRetryRequested, `{}`), events.CodeBadData, ""},
		{"no engine", "reports", record(events.TypeEngineRegistration, `{}`), events.CodeBadData, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			topic := map[string]string{"requests": w.cfg.Topics.Requests(), "reports": w.cfg.Topics.Reports()}[tt.topic]
			w.sendRecord(topic, tt.rec)
			if len(w.log) != 2 {
				t.Fatalf("%d events, want one rejection", len(w.log)-1)
			}
			m, ok := w.log[1].Message.(*events.TaskRejected)
			if !ok || m.Code != string(tt.code) || m.TaskId != tt.taskID || m.Message == "" {
				t.Fatalf("got %v, want %s of %q", w.log[1].Message, tt.code, tt.taskID)
			}
			if m.Source.GetTopic() != topic || m.Source.GetPartition() != w.cfg.Partition {
				t.Errorf("source is %v", m.Source)
			}
			out, dead := w.state.caused(w.log[1])
			if dead != (tt.taskID == "") {
				t.Fatalf("published: %v, want %v", dead, tt.taskID == "")
			}
			if letter, ok := out.Message.(*events.DeadLetter); dead && (!ok || letter.Code != m.Code || proto.Size(letter) > 80<<10) {
				t.Errorf("dead letter %v of %d bytes", letter.GetCode(), proto.Size(letter))
			}
			if _, err := (events.Encoder{Source: "/t"}).Encode("x", m); err != nil {
				t.Errorf("the rejection cannot be written: %v", err)
			}
		})
	}
}

func TestForwardsToTheRightPartition(t *testing.T) {
	w := newWorld(t, Config{})
	rec := record(events.TypeTaskRequested, `{"taskId":"t","kind":"k","pool":"green","predicate":"nonsense("}`)
	w.sendRecord(w.cfg.Topics.Requests(), rec)
	out, ok := w.state.caused(w.log[1])
	if !ok || out.Raw == nil || out.Topic != w.cfg.Topics.Requests() || out.Partition != events.PoolPartition("green") {
		t.Fatalf("published %v", out)
	}
	if !bytes.Equal(out.Raw.Value, rec.Value) || !bytes.Equal(out.Raw.Key, rec.Key) || len(out.Raw.Headers) != len(rec.Headers) {
		t.Errorf("the record was changed on its way: %v", out.Raw)
	}
	if id, _ := out.Raw.Header(events.HeaderID); string(id) != "ce-1" {
		t.Errorf("ce_id is %q", id)
	}
}

// A refusal stands in the log of the task's own pool, whichever partition the
// producer's partitioner chose.
func TestUnreadableRequestsAreForwardedToo(t *testing.T) {
	p := NewPreparer(Config{})
	here := events.PoolPartition(blue)
	structured := &events.Record{
		Headers: []events.Header{{Key: events.HeaderContentType, Value: []byte("application/cloudevents+json")}},
		Value: []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"spanway.task.requested.v1",
			"data":{"taskId":"t","pool":"blue","kind":"k","color":"red"}}`),
	}
	for name, rec := range map[string]*events.Record{
		"pool by key":  record(events.TypeTaskRequested, `{"taskId":"t","kind":"k","color":"red"}`),
		"pool by data": {Headers: record(events.TypeTaskRequested, "").Headers, Value: []byte(`{"taskId":"t","pool":"blue","kind":7}`)},
		"structured":   structured,
	} {
		right := p.Prepare("spanway.tasks.requests", here, rec)
		if right.refused == nil || right.poison != nil || right.taskID != "t" || right.pool != blue || right.forwardTo != -1 {
			t.Errorf("%s, on its own partition: %+v; want a rejection of t", name, right)
		}
		wrong := p.Prepare("spanway.tasks.requests", here+1, rec)
		if wrong.forwardTo != here || wrong.raw == nil || wrong.refused != nil || wrong.poison != nil {
			t.Errorf("%s, on another partition: %+v; want it forwarded to %d", name, wrong, here)
		}
	}
}

func TestDefaults(t *testing.T) {
	w := newWorld(t, Config{})
	rec := record(events.TypeTaskRequested, `{"kind":"k","payloadJson":{"n":12345678901234567890},"needs":{"slots":1}}`,
		events.Header{Key: events.HeaderTraceparent, Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")})
	w.sendRecord(w.cfg.Topics.Requests(), rec)
	got := w.log[1].Message.(*events.TaskAccepted).Task
	want := &events.Task{
		Id: "ce-1", Pool: blue, Kind: "k", Payload: []byte(`{"n":12345678901234567890}`), PayloadType: events.ContentJSON,
		Priority: 5, ExecutionTimeoutMs: 600_000, Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	if !proto.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", protojson.Format(got), protojson.Format(want))
	}
}

func TestPublishes(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 2}, nil)
	w.send(&events.TaskRequested{TaskId: "a", Pool: blue, Kind: "k", Payload: []byte("p"), Retry: &events.RetryRequested{MaxAttempts: proto.Int32(1)}})
	w.submit("b", "")
	w.advance()
	var copies []events.Outgoing
	publish := func() {
		for _, l := range w.log {
			if out, ok := w.state.caused(l); ok {
				copies = append(copies, out)
			}
		}
		w.log = nil
	}
	publish()
	w.send(&events.TaskCancelRequested{TaskId: "b", Pool: blue})
	w.finish("a", events.AttemptFinished_FAILED)
	w.advance()
	publish()
	var got []events.Type
	for _, c := range copies {
		got = append(got, events.TypeOf(c.Message))
		if a, ok := c.Message.(*events.TaskAssigned); ok && (a.Task.GetKind() != "k" || c.Partition != events.EnginePartition("e1")) {
			t.Errorf("assignment %v", c)
		}
		if d, ok := c.Message.(*events.TaskDeadLettered); ok && (string(d.Task.GetPayload()) != "p" || c.Topic != w.cfg.Topics.DeadLetters()) {
			t.Errorf("dead letter %v", c)
		}
	}
	want := []events.Type{
		events.TypeEngineRegistered, events.TypeTaskAssigned, events.TypeTaskAssigned, events.TypeTaskCancelled, events.TypeTaskDeadLettered,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("published %v, want %v", got, want)
	}
}

func TestAssignmentThatIsOverIsNotPublished(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 2}, nil)
	w.submit("a", "")
	w.advance()
	assigned := w.log[len(w.log)-1]
	w.finish("a", events.AttemptFinished_SUCCEEDED)
	if _, ok := w.state.caused(assigned); ok {
		t.Error("the copy of an attempt that is over was published")
	}
}

// FuzzPrepare: whatever comes, the owner's loop goes on and what it says of it
// can be written.
func FuzzPrepare(f *testing.F) {
	f.Add("spanway.task.requested.v1", "application/json", []byte("blue"), []byte(`{"kind":"k","needs":{"slots":"1k"}}`))
	f.Add("spanway.attempt.finished.v1", "application/json", []byte("blue"), []byte(`{"taskId":"a","token":"1","outcome":"SUCCEEDED"}`))
	f.Add("spanway.engine.registration.v1", "application/json", []byte("blue"), []byte(`{"engine":{"id":"e"}}`))
	f.Add("spanway.task.cancel_requested.v1", "", []byte(nil), []byte{0x0a, 0x01, 'x'})
	f.Fuzz(func(t *testing.T, typ, content string, key, value []byte) {
		w := newWorld(t, Config{})
		for _, topic := range []string{w.cfg.Topics.Requests(), w.cfg.Topics.Reports()} {
			rec := record(events.Type(typ), string(value))
			rec.Key = key
			rec.Headers[4].Value = []byte(content)
			w.sendRecord(topic, rec)
			w.advance()
		}
		for _, l := range w.log {
			if _, err := (events.Encoder{Source: "/t"}).Encode("x", l.Message); err != nil {
				t.Fatalf("%s cannot be written: %v", l.Type, err)
			}
			w.state.caused(l)
		}
		if w.state.Hash() != w.replica.Hash() {
			t.Fatal("the replica differs")
		}
	})
}

func TestTextsAreCut(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"disk full":                      "disk full",
		"a\nb\tc\x00d\x7f":               "a\nb\tc d ",
		"\xff\xfe":                       "?",
		strings.Repeat("é", 128):         strings.Repeat("é", 128),
		strings.Repeat("é", 200):         strings.Repeat("é", 128),
		"x" + strings.Repeat("é", 200):   "x" + strings.Repeat("é", 127),
		strings.Repeat("\U0001F600", 99): strings.Repeat("\U0001F600", 64),
	} {
		if got := printable(in, maxReasonBytes); got != want || !utf8.ValidString(got) {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestWrongPartition: only what may come twice is forwarded.
func TestWrongPartition(t *testing.T) {
	for _, tt := range []struct {
		m       proto.Message
		forward bool
	}{
		{&events.TaskRequested{TaskId: "t", Pool: "green", Kind: "k"}, true},
		{&events.TaskRequested{Pool: "green", Kind: "k", ReplayOf: "t"}, false},
		{&events.TaskCancelRequested{TaskId: "t", Pool: "green"}, true},
		{&events.TaskCancelRequested{Pool: "green", Filter: &events.TaskFilter{}}, false},
		{&events.TaskCancelRequested{Pool: "green"}, false},
		{&events.TaskRetryRequested{TaskId: "t", Pool: "green"}, false},
		{&events.EngineDrainRequested{EngineId: "e", Pool: "green"}, false},
		{&events.EngineResumeRequested{EngineId: "e", Pool: "green"}, false},
		{&events.EngineHeartbeat{EngineId: "e", Pool: "green"}, false},
		{&events.EngineLeaving{EngineId: "e", Pool: "green"}, false}, // Of a registration the engine is told.
	} {
		w := newWorld(t, Config{})
		w.send(tt.m)
		l := w.log[1]
		out, _ := w.state.caused(l)
		if tt.forward {
			if l.Type != events.TypeTaskForwarded || out.Raw == nil || out.Partition != events.PoolPartition("green") {
				t.Errorf("%T became %s, published %v", tt.m, l.Type, out)
			}
			continue
		}
		m, ok := l.Message.(*events.TaskRejected)
		right := fmt.Sprintf("partition %d of", events.PoolPartition("green"))
		if !ok || m.Code != string(events.CodeWrongPartition) || !strings.Contains(m.Message, right) {
			t.Errorf("%T became %v, want %s naming %q", tt.m, l.Message, events.CodeWrongPartition, right)
		}
		if letter, ok := out.Message.(*events.DeadLetter); !ok || letter.Raw == nil {
			t.Errorf("%T is not among the dead letters", tt.m)
		}
	}
}
