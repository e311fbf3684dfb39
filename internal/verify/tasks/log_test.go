package tasks

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/internal/verify/handmade"
	"github.com/spanway/spanway/pkg/events"
)

// log is one that was written by hand.
type log struct {
	*handmade.Log
	t *testing.T
}

func newLog(t *testing.T) *log {
	t.Helper()
	return &log{handmade.New(t), t}
}

// each appends a batch for each message.
func (l *log) each(messages ...proto.Message) {
	l.t.Helper()
	for _, m := range messages {
		if a, ok := m.(*events.TaskAssigned); ok && a.View == 0 {
			a.View = int64(len(l.Records))
		}
		l.Batch(m)
	}
}

func (l *log) judge(opts Options) Report {
	p := NewPartition(handmade.Topic, handmade.Partition, opts)
	for i := range l.Records {
		p.Feed(&l.Records[i])
	}
	return p.Report()
}

// finds demands exactly the findings "RULE text", in order.
func (l *log) finds(opts Options, want ...string) Report {
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

// The events of a small story: pool p, engine e, task t.

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
