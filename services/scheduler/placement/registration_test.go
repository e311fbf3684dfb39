package placement

import (
	"strconv"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// Whatever is refused of an engine's registration reaches that engine, so that it ends
// with the reason; a dead letter is for what no engine can be told of.
func TestRefusedRegistrationsReachTheirEngine(t *testing.T) {
	const good = `"id":"e","pool":"blue","incarnation":"i"`
	structured := &events.Record{
		Headers: []events.Header{{Key: events.HeaderContentType, Value: []byte("application/cloudevents+json")}},
		Value: []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"` + string(events.TypeEngineRegistration) +
			`","data":{"engine":{` + good + `,"colour":"red"}}}`),
	}
	for name, tt := range map[string]struct {
		rec  *events.Record
		code events.Code
		pool string
	}{
		"CRLF in the pool":     {record(events.TypeEngineRegistration, `{"engine":{"id":"e","pool":"blue\r","incarnation":"i"}}`), events.CodeBadData, "blue\r"},
		"CRLF in the ID":       {record(events.TypeEngineRegistration, `{"engine":{"id":"e\r","pool":"blue","incarnation":"i"}}`), events.CodeBadData, "blue"},
		"no incarnation":       {record(events.TypeEngineRegistration, `{"engine":{"id":"e","pool":"blue"}}`), events.CodeBadData, "blue"},
		"an unknown field":     {record(events.TypeEngineRegistration, `{"engine":{`+good+`,"colour":"red"}}`), events.CodeUnknownField, "blue"},
		"in structured mode":   {structured, events.CodeUnknownField, "blue"},
		"another partition":    {record(events.TypeEngineRegistration, `{"engine":{"id":"e","pool":"green","incarnation":"i"}}`), events.CodeWrongPartition, "green"},
		"a bad dimension":      {record(events.TypeEngineRegistration, `{"engine":{`+good+`,"assignmentsPartition":`+partitionOf("e")+`,"allocatable":{"GPU":"1"}}}`), events.CodeBadNeeds, "blue"},
		"a bad accepts":        {record(events.TypeEngineRegistration, `{"engine":{`+good+`,"assignmentsPartition":`+partitionOf("e")+`,"accepts":"1"}}`), events.CodeBadPredicate, "blue"},
		"another's assignment": {record(events.TypeEngineRegistration, `{"engine":{`+good+`,"assignmentsPartition":77}}`), events.CodeBadData, "blue"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Config{})
			w.sendRecord(w.cfg.Topics.Reports(), tt.rec)
			m, ok := w.log[len(w.log)-1].Message.(*events.EngineRegistrationRefused)
			if !ok || m.Code != string(tt.code) || m.Pool != tt.pool || m.Message == "" {
				t.Fatalf("got %v, want a refusal with %s in pool %q", w.log[len(w.log)-1].Message, tt.code, tt.pool)
			}
			out, ok := w.state.caused(w.log[len(w.log)-1])
			if !ok || out.Topic != w.cfg.Topics.Assignments() || string(out.Key) != m.EngineId || out.Partition != events.EnginePartition(events.EngineID(m.EngineId)) {
				t.Errorf("published: %t, %v", ok, out)
			}
			if _, err := (events.Encoder{Source: "/t"}).Encode("x", m); err != nil {
				t.Errorf("the refusal cannot be written: %v", err)
			}
			if w.state.Hash() != w.replica.Hash() {
				t.Error("the replica differs")
			}
		})
	}
	w := newWorld(t, Config{})
	w.sendRecord(w.cfg.Topics.Reports(), record(events.TypeEngineRegistration, `{"engine":{"id":"`+strings.Repeat("e", 2000)+`","pool":"blue"}}`))
	if m, ok := w.log[len(w.log)-1].Message.(*events.TaskRejected); !ok {
		t.Errorf("an endless ID: %T", m)
	}
}

func partitionOf(engine string) string {
	return strconv.Itoa(int(events.EnginePartition(events.EngineID(engine))))
}
