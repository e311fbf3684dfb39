package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

// hostile is a record that nobody should have sent, and its fate.
type hostile struct {
	name string
	rec  events.Record
	code events.Code
	// dead: it names no task, so it goes to the dead-letter topic.
	dead bool
}

func jsonRequest(body string, headers ...string) events.Record {
	rec := events.Record{Key: []byte(events.DefaultPool), Value: []byte(body)}
	all := append([]string{"ce_specversion", "1.0", "ce_id", "x", "ce_source", "/hostile",
		"ce_type", string(events.TypeTaskRequested), "content-type", "application/json"}, headers...)
	for i := 0; i < len(all); i += 2 {
		rec.Headers = append(rec.Headers, events.Header{Key: all[i], Value: []byte(all[i+1])})
	}
	return rec
}

func hostiles() []hostile {
	manyHeaders := jsonRequest(`{"taskId":"h","kind":"noop"}`)
	for range 10_000 {
		manyHeaders.Headers = append(manyHeaders.Headers, events.Header{Key: "x", Value: []byte("y")})
	}
	null := jsonRequest("")
	null.Value = nil
	task := func(id, rest string) events.Record {
		return jsonRequest(`{"taskId":"` + id + `","kind":"noop",` + rest + `}`)
	}
	where := func(id, predicate string) events.Record { return task(id, fmt.Sprintf(`"predicate":%q`, predicate)) }
	nested := strings.Repeat("(", 900) + "true" + strings.Repeat(")", 900)
	comprehension := `[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, a*b*c > 0)))`
	return []hostile{
		{"a bad predicate", where("p1", "engine.labels.gpu >"), events.CodeBadPredicate, false},
		{"not a Boolean", where("p2", "1 + 1"), events.CodeBadPredicate, false},
		{"deep nesting", where("p3", nested), events.CodePredicateTooCostly, false},
		{"a comprehension over comprehensions", where("p4", comprehension), events.CodePredicateTooCostly, false},
		{"1 MB of predicate", where("p5", strings.Repeat("true || ", 1<<17)+"true"), events.CodeTooLarge, true},
		{"500 KB of predicate", where("p6", strings.Repeat("true||", 80_000)+"true"), events.CodeTooLarge, false},
		{"a negative need", task("n1", `"needs":{"slots":-1}`), events.CodeBadNeeds, false},
		{"an oversize payload", task("n2", `"payload":"`+strings.Repeat("AAAA", 90_000)+`"`), events.CodeTooLarge, false},
		{"an unknown field", task("n3", `"color":"red"`), events.CodeUnknownField, false},
		{"a field of a later release", task("n4", `"preemptible":true`), events.CodeUnknownField, false},
		{"malformed JSON", jsonRequest(`{"taskId":`), events.CodeBadData, false},
		{"an unknown type", jsonRequest(`{}`, "ce_type", "com.example.thing.v1"), events.CodeUnknownType, false},
		{"a null value", null, events.CodeBadData, false},
		{"no envelope at all", events.Record{Value: []byte("hello")}, events.CodeBadEnvelope, true},
		{"ten thousand headers", manyHeaders, events.CodeTooLarge, true},
	}
}

// G12, G7: whatever is sent is refused with a code and its source, by an event
// or on the dead-letter topic, and what comes behind it is served at once.
func TestHostileInput(t *testing.T) {
	s := newSystem(t, onKfake)
	sched := s.scheduler()
	s.engine(engine.Config{ID: "e"}, "noop", func(context.Context, *engine.Task) ([]byte, error) { return nil, nil })
	k := kafka.New(kafka.Config{Brokers: []string{s.broker.Addr()}})
	defer k.Close()
	topics := events.Topics{Prefix: events.DefaultPrefix}
	requests := k.Partition(topics.Requests(), events.PoolPartition(events.DefaultPool))
	dead := k.Partition(topics.DeadLetters(), 0)
	from := int64(0)
	for i, h := range hostiles() {
		offset, err := requests.Append(t.Context(), []events.Record{h.rec})
		if err != nil {
			t.Fatalf("%s: %v", h.name, err)
		}
		s.seen.awaitCount(t, events.TypeTaskRejected, i+1, patience)
		s.seen.mu.Lock()
		m := s.seen.last[events.TypeTaskRejected].Message.(*events.TaskRejected)
		s.seen.mu.Unlock()
		if m.Source.GetTopic() != topics.Requests() || m.Source.GetOffset() != offset || m.Code != string(h.code) {
			t.Errorf("%s: refused as %s from %v, want %s from offset %d (%s)", h.name, m.Code, m.Source, h.code, offset, m.Message)
		}
		if m.Raw == nil {
			if h.dead {
				t.Errorf("%s: not a dead letter", h.name)
			}
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		page, err := dead.Fetch(ctx, from, patience)
		cancel()
		if err != nil || len(page.Records) == 0 {
			t.Fatalf("%s: no dead letter (%v)", h.name, err)
		}
		from = page.Next
		_, letter, err := events.Decode(&page.Records[0])
		if err != nil {
			t.Fatalf("%s: %v", h.name, err)
		}
		if l := letter.(*events.DeadLetter); l.Code != m.Code || l.Source.GetOffset() != offset {
			t.Errorf("%s: dead letter %v", h.name, l)
		}
	}
	began := time.Now()
	if _, err := s.client.Do(t.Context(), client.Task{Kind: "noop"}); err != nil {
		t.Fatal(err)
	}
	within(t, "a good task behind all of it ended", time.Since(began), time.Second, busySlack)
	if strings.Contains(sched.log.String(), "panic") {
		t.Error("something panicked")
	}
	s.verify()
}
