package lease

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// script drives a holder through a scene and narrates what it asks for.
type script struct {
	t    *testing.T
	h    *Holder
	now  int64
	n    uint32
	next int64
	said []string
}

const topic = "spanway.tasks.events"

// source is the log of the pool blue, as copies name it.
var source = fmt.Sprintf("%s/%d", topic, events.PoolPartition("blue"))

func begin(t *testing.T) *script {
	t.Helper()
	h := New(Settings{
		Engine: &events.Engine{
			Id: "e1", Pool: "blue", Kinds: []string{"resize", "noop"},
			Allocatable: map[string]int64{"slots": 2, "gpu": 1},
		},
		Reports: "spanway.engines.reports", Events: topic, TTL: 5000,
	})
	s := &script{t: t, h: h, now: 1_000_000}
	s.heard(h.Register(s.now, "i1", 10))
	return s
}

// ready is a script of which the registration is over.
func ready(t *testing.T) *script {
	t.Helper()
	s := begin(t)
	s.read(registered("i1"))
	s.said = nil
	return s
}

func (s *script) heard(actions []Action) {
	for _, a := range actions {
		s.said = append(s.said, s.words(a))
	}
}

func (s *script) words(a Action) string {
	switch a.Verb {
	case Start, Stop, Abandon:
		w := fmt.Sprintf("%s %d", a.Verb, a.Token)
		if a.Verb == Stop {
			w += " " + a.Cause.String()
		}
		return w
	case Send:
		return s.report(a.Report.Message)
	}
	return a.Verb.String()
}

func (s *script) report(m proto.Message) string {
	switch m := m.(type) {
	case *events.EngineRegistration:
		return fmt.Sprintf("register %s from %d", m.Engine.Incarnation, m.Engine.AssignmentsFrom)
	case *events.EngineHeartbeat:
		w := fmt.Sprintf("beat %s next=%d received=%d/%d %v", m.Incarnation, m.AssignmentsNext, m.ReceivedEpoch, m.ReceivedN, m.Running)
		if len(m.Used) > 0 {
			w += fmt.Sprintf(" used=%v", m.Used)
		}
		return w
	case *events.EngineLeaving:
		return fmt.Sprintf("leaving departed=%v", m.Departed)
	case *events.AttemptStarted:
		return fmt.Sprintf("started %d", m.Token)
	case *events.AttemptProgressed:
		if m.DataType == events.ContentStdout || m.DataType == events.ContentStderr {
			return fmt.Sprintf("%s %d %q", m.DataType[len("text/x-"):], m.Token, m.Data)
		}
		return strings.TrimSpace(fmt.Sprintf("progress %d %s", m.Token, m.Data))
	case *events.AttemptFinished:
		return strings.TrimSpace(fmt.Sprintf("%s %d %s", m.Outcome, m.Token, m.GetError().GetCode()))
	}
	return fmt.Sprintf("%T", m)
}

// copyOf makes the published copy of an event.
func (s *script) copyOf(key string, epoch, n uint32, m proto.Message) events.Record {
	s.t.Helper()
	id := fmt.Sprintf("%s/%d/%d", source, epoch, n)
	r, err := events.Encoder{Source: "/test"}.Encode(id, m, events.Header{Key: events.HeaderFrom, Value: []byte(id)})
	if err != nil {
		s.t.Fatal(err)
	}
	r.Key = []byte(key)
	return r
}

func (s *script) read(messages ...proto.Message) {
	s.t.Helper()
	var page events.Page
	for _, m := range messages {
		s.n++
		page.Records = append(page.Records, s.copyOf("e1", 1, s.n, m))
	}
	s.page(page)
}

func (s *script) page(page events.Page) {
	s.next = max(s.next, s.h.Next()) + int64(len(page.Records))
	page.Next = s.next
	s.heard(s.h.Read(s.now, page))
}

// wait lets time pass with a tick whenever one is due; beats are acknowledged
// iff the broker is there.
func (s *script) wait(ms int64, broker bool) {
	for end := s.now + ms; s.now < end; {
		s.now = min(end, max(s.now+1, s.h.Wake()))
		actions := s.h.Tick(s.now)
		s.heard(actions)
		for _, a := range actions {
			if broker && a.Report.Beat {
				s.h.Acked(a.Report.SentAt)
			}
		}
	}
}

func (s *script) pause(ms int64) { s.now += ms; s.heard(s.h.Tick(s.now)) }

func (s *script) finish(token events.Token, o events.AttemptFinished_Outcome) {
	r := Result{Outcome: o}
	if o != events.AttemptFinished_SUCCEEDED {
		r.Error = &events.TaskError{Code: "ERROR", Message: "it broke"}
	}
	s.heard(s.h.Finished(s.now, token, r))
}

func (s *script) progress(token events.Token, data string) {
	actions, held := s.h.Progressed(s.now, token, "", []byte(data))
	s.heard(actions)
	if !held {
		s.said = append(s.said, fmt.Sprintf("no progress %d", token))
	}
}

// says compares what was asked for since the last call, heartbeats left out.
func (s *script) says(want ...string) {
	s.t.Helper()
	s.said = slices.DeleteFunc(s.said, func(w string) bool { return strings.HasPrefix(w, "beat ") })
	s.saysAll(want...)
}

// saysAll compares what was asked for since the last call.
func (s *script) saysAll(want ...string) {
	s.t.Helper()
	got := append([]string(nil), s.said...)
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Fatalf("actions differ (-want +got):\n%s", diff)
	}
	s.said = nil
}

func assign(token uint64, change ...func(*events.TaskAssigned)) *events.TaskAssigned {
	a := &events.TaskAssigned{
		TaskId: fmt.Sprintf("t%d", token), Pool: "blue", EngineId: "e1", Incarnation: "i1",
		Attempt: 1, Token: token,
		Task: &events.Task{Id: fmt.Sprintf("t%d", token), Pool: "blue", Kind: "noop"},
	}
	for _, c := range change {
		c(a)
	}
	return a
}

func timeout(ms int64) func(*events.TaskAssigned) {
	return func(a *events.TaskAssigned) { a.Task.ExecutionTimeoutMs = ms }
}

func cancel(token uint64) *events.TaskCancelled {
	return &events.TaskCancelled{TaskId: fmt.Sprintf("t%d", token), Pool: "blue", EngineId: "e1", Token: token}
}

func takenBack(token uint64) *events.TaskAttemptReturned {
	return &events.TaskAttemptReturned{
		TaskId: fmt.Sprintf("t%d", token), Pool: "blue", EngineId: "e1", Attempt: 1, Token: token, Reason: "not received",
	}
}

func timedOut(token uint64) *events.TaskAttemptFailed {
	return &events.TaskAttemptFailed{
		TaskId: fmt.Sprintf("t%d", token), Pool: "blue", EngineId: "e1", Attempt: 1, Token: token,
		Error: &events.TaskError{Code: CodeTimeout},
	}
}

const (
	succeeded = events.AttemptFinished_SUCCEEDED
	failed    = events.AttemptFinished_FAILED
	finally   = events.AttemptFinished_FAILED_FINALLY
)
