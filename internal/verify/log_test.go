package verify

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

const (
	testTopic     = "spanway.tasks.events"
	testPartition = 3
)

// handmade is a log written record by record, as an owner would, or not.
type handmade struct {
	t       *testing.T
	records []events.Record
	history uint64
	epoch   uint32
	n       int64
}

func newLog(t *testing.T) *handmade {
	t.Helper()
	l := &handmade{t: t}
	l.claim()
	return l
}

func (l *handmade) encode(id string, m proto.Message) events.Record {
	l.t.Helper()
	r, err := events.Encoder{Source: "/spanway/test/scheduler"}.Encode(id, m)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

func (l *handmade) id() string {
	l.n++
	return fmt.Sprintf("%s/%d/%d/%d", testTopic, testPartition, l.epoch, l.n)
}

func (l *handmade) withHeader(prev, hash uint64, epoch uint32, records []events.Record) {
	b := binary.BigEndian.AppendUint64(nil, uint64(len(l.records)))
	b = binary.BigEndian.AppendUint64(b, prev)
	b = binary.BigEndian.AppendUint64(b, hash)
	b = binary.BigEndian.AppendUint32(b, epoch)
	b = binary.BigEndian.AppendUint32(b, uint32(len(records)))
	records[0].Headers = append(records[0].Headers, events.Header{Key: events.HeaderLog, Value: b})
}

// land appends records as they are, each at the next offset.
func (l *handmade) land(records ...events.Record) {
	for _, r := range records {
		r.Offset = int64(len(l.records))
		l.records = append(l.records, r)
	}
}

// claimOf makes a claim of an epoch.
func (l *handmade) claimOf(epoch uint32, owner string) []events.Record {
	l.t.Helper()
	id := []byte(fmt.Sprintf("%-16.16s", fmt.Sprintf("%s%d", owner, epoch)))
	records := []events.Record{l.encode("claim", &events.LogClaimed{ClaimId: id, Owner: owner})}
	l.withHeader(l.history, hash(l.history, records), epoch, records)
	return records
}

func (l *handmade) claim() {
	l.t.Helper()
	records := l.claimOf(l.epoch+1, "a")
	l.land(records...)
	l.history, l.epoch, l.n = hash(l.history, records), l.epoch+1, -1
}

// made makes a batch of the current epoch on the current history.
func (l *handmade) made(messages ...proto.Message) []events.Record {
	l.t.Helper()
	var records []events.Record
	for _, m := range messages {
		records = append(records, l.encode(l.id(), m))
	}
	inputs := events.Header{Key: events.HeaderInputs, Value: []byte("spanway.tasks.requests/3@7")}
	records[0].Headers = append(records[0].Headers, inputs)
	l.withHeader(l.history, hash(l.history, records), l.epoch, records)
	return records
}

// batch appends a batch that counts.
func (l *handmade) batch(messages ...proto.Message) {
	l.t.Helper()
	records := l.made(messages...)
	l.land(records...)
	l.history = hash(l.history, records)
}

// each appends a batch for each message.
func (l *handmade) each(messages ...proto.Message) {
	l.t.Helper()
	for _, m := range messages {
		if a, ok := m.(*events.TaskAssigned); ok && a.View == 0 {
			a.View = int64(len(l.records))
		}
		l.batch(m)
	}
}

func (l *handmade) judge(opts Options) Report {
	p := NewPartition(testTopic, testPartition, opts)
	for i := range l.records {
		p.Feed(&l.records[i])
	}
	return p.Report()
}

// finds demands exactly the findings "RULE text", in order.
func (l *handmade) finds(opts Options, want ...string) Report {
	l.t.Helper()
	r := l.judge(opts)
	ok := len(r.Findings) == len(want) && r.Violations == int64(len(want))
	for i := 0; ok && i < len(want); i++ {
		rule, text, _ := strings.Cut(want[i], " ")
		ok = r.Findings[i].Rule == rule && strings.Contains(r.Findings[i].Text, text)
	}
	if !ok {
		l.t.Errorf("findings differ: want %q, got:", want)
		for _, f := range r.Findings {
			l.t.Errorf("  %+v", f)
		}
	}
	return r
}

// ---- the events of a small story: pool p, engine e, task t ----

func eng(id, incarnation string, slots int64) *events.EngineRegistered {
	gpu, _ := structpb.NewValue(2)
	zones, _ := structpb.NewValue([]any{"a", 1})
	return &events.EngineRegistered{Engine: &events.Engine{
		Id: id, Incarnation: incarnation, Pool: "p", Site: "eu", Kinds: []string{"resize", "hop"},
		Allocatable: map[string]int64{"slots": slots, "memory_bytes": 1 << 30},
		Labels:      map[string]*structpb.Value{"gpu": gpu, "zones": zones},
	}}
}

func accepted(id string) *events.TaskAccepted {
	return &events.TaskAccepted{Task: &events.Task{Id: id, Pool: "p", Kind: "resize", Priority: 5}}
}

func where(id, predicate string) *events.TaskAccepted {
	a := accepted(id)
	a.Task.Predicate = predicate
	return a
}

func assigned(id string, token uint64) *events.TaskAssigned {
	return &events.TaskAssigned{TaskId: id, Pool: "p", EngineId: "e", Incarnation: "i1", Attempt: 1, Token: token}
}

func succeeded(id string, token uint64) *events.TaskSucceeded {
	return &events.TaskSucceeded{TaskId: id, Pool: "p", EngineId: "e", Attempt: 1, Token: token}
}

func lost(incarnation string) *events.EngineLost {
	return &events.EngineLost{EngineId: "e", Incarnation: incarnation, Pool: "p", Attempts: 1}
}

func cancelled(id string) *events.TaskCancelled { return &events.TaskCancelled{TaskId: id, Pool: "p"} }

// rebase has a batch name another history.
func rebase(records []events.Record, prev uint64) {
	for _, h := range records[0].Headers {
		if h.Key == events.HeaderLog {
			binary.BigEndian.PutUint64(h.Value[8:], prev)
		}
	}
}
