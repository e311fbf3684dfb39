package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/events"
)

// checkDelivered is asked when a handler is entered.
func (f *fleet) checkDelivered(engine string, nowMs int64, t *events.Task) {
	if want := payloadOf(t.Id); string(t.Payload) != want {
		f.complain("%s was given task %q with the payload %q, not %q", engine, t.Id, t.Payload, want)
	}
	if nowMs < t.NotBeforeMs {
		f.complain("%s began task %q at %d, which is not to begin before %d", engine, t.Id, nowMs, t.NotBeforeMs)
	}
}

// checkMatches: all assignments and reservations were right by a recount, what
// was observed was measured, and who waited for others had the end that they gave.
func (f *fleet) checkMatches(log []sim.Counted) error {
	r := newRecount()
	for _, l := range log {
		if err := r.follow(l.Message); err != nil {
			return fmt.Errorf("offset %d: %w", l.Offset, err)
		}
		if m, ok := l.Message.(*events.EngineObserved); ok {
			if err := f.checkObserved(m); err != nil {
				return fmt.Errorf("offset %d: %w", l.Offset, err)
			}
		}
	}
	return r.checkDependents()
}

// checkObserved: what is measured is rounded up to a sixteenth of what there is.
func (f *fleet) checkObserved(m *events.EngineObserved) error {
	const step = fleetMemory / 16
	for dimension, used := range m.Used {
		if dimension != "memory" || !slices.ContainsFunc(f.measured[m.EngineId], func(v int64) bool {
			return min((v+step-1)/step*step, fleetMemory) == used
		}) {
			return fmt.Errorf("engine %q was observed to use %d of %s; it measured %v", m.EngineId, used, dimension, f.measured[m.EngineId])
		}
	}
	return nil
}

// checkDependents: who came after a task that did not succeed was cancelled, and
// nobody for that reason who did not.
func (r *recount) checkDependents() error {
	for _, t := range r.tasks {
		because := strings.HasPrefix(t.reason, string(events.CodeDependencyFailed))
		if t.doomed && t.ended != "cancelled" || because && !t.doomed {
			return fmt.Errorf("task %q %s (%s); that one of %q ended without success before is %v", t.Id, t.ended, t.reason, t.After, t.doomed)
		}
	}
	return nil
}

// checkRequests: all that was asked for was accepted as it was asked for, or
// refused with good reason; and nothing else was accepted.
func (f *fleet) checkRequests(log []sim.Counted) error {
	accepted, refused, failed := map[string]*events.Task{}, map[string]bool{}, map[string]bool{}
	payloads := map[int64]string{}
	for _, l := range log {
		switch m := l.Message.(type) {
		case *events.TaskAccepted:
			accepted[m.Task.Id], payloads[l.Offset] = m.Task, string(m.Task.Payload)
			if err := f.checkAccepted(m.Task, payloads); err != nil {
				return fmt.Errorf("offset %d: %w", l.Offset, err)
			}
		case *events.TaskRejected:
			if m.RequestType != string(events.TypeTaskRequested) {
				continue
			}
			refused[m.TaskId] = true
			if !f.refusable(m, failed) {
				return fmt.Errorf("offset %d: task %q was refused without need: %s: %s", l.Offset, m.TaskId, m.Code, m.Message)
			}
		default:
			if id, ok := endedBadly(m); ok {
				failed[id] = true
			}
		}
	}
	for id := range f.requested {
		if accepted[id] == nil && !refused[id] {
			return fmt.Errorf("nothing became of the request of task %q", id)
		}
	}
	return nil
}

// endedBadly gives the task that an event ends without success.
func endedBadly(m proto.Message) (id string, ok bool) {
	switch m := m.(type) {
	case *events.TaskFailed:
		return m.TaskId, true
	case *events.TaskExpired:
		return m.TaskId, true
	case *events.TaskCancelled:
		return m.TaskId, true
	case *events.TaskDeadLettered:
		return m.TaskId, true
	}
	return "", false
}

// checkAccepted compares a task with its request, or that of which it is a retry.
func (f *fleet) checkAccepted(t *events.Task, payloads map[int64]string) error {
	first, _, retry := strings.Cut(t.Id, ".r")
	want := f.requested[first]
	if want == nil || retry != (t.ReplayOf != "") {
		return fmt.Errorf("task %q was accepted, which nobody asked for", t.Id)
	}
	payload, limit := string(t.Payload), int32(0)
	if t.PayloadAt != 0 {
		payload = payloads[t.PayloadAt]
	}
	if want.LimitKey != "" {
		limit = max(want.GetLimit(), 1)
	}
	notBefore := int64(0)
	if at, err := time.Parse(time.RFC3339, want.NotBefore); err == nil {
		notBefore = at.UnixMilli()
	}
	same := payload == string(want.Payload) && t.Kind == want.Kind && t.Predicate == want.Predicate && t.Prefer == want.Prefer &&
		t.Priority == want.GetPriority() && t.Tenant == want.Tenant && t.LimitKey == want.LimitKey && t.Limit == limit &&
		t.NotBeforeMs == notBefore && (retry || slices.Equal(t.After, distinct(want.After)))
	if !same {
		return fmt.Errorf("task %q was accepted as %v with payload %q; asked for was %v", t.Id, t, payload, want)
	}
	return nil
}

// distinct leaves out what is named twice.
func distinct(ids []string) (out []string) {
	for _, id := range ids {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// refusable tells whether the log so far gives the reason to refuse a request.
func (f *fleet) refusable(m *events.TaskRejected, failed map[string]bool) bool {
	after := f.requested[m.TaskId].GetAfter()
	switch events.Code(m.Code) {
	case events.CodeDependencyFailed:
		return slices.ContainsFunc(after, func(id string) bool { return failed[id] })
	case events.CodeUnknownDependency:
		return slices.Contains(after, forgottenID)
	case events.CodeDependencyCycle:
		return f.comesAfter(m.TaskId, m.TaskId, map[string]bool{})
	}
	return false
}

// comesAfter tells whether id is to come after wanted, by way of any others.
func (f *fleet) comesAfter(id, wanted string, seen map[string]bool) bool {
	for _, next := range f.requested[id].GetAfter() {
		if next == wanted {
			return true
		}
		if !seen[next] {
			seen[next] = true
			if f.comesAfter(next, wanted, seen) {
				return true
			}
		}
	}
	return false
}

// checkPublished: what stands on the assignments and the dead letters is a copy of
// what counts, with the task as it was accepted.
func (f *fleet) checkPublished(log []sim.Counted) error {
	ids, tasks := make(map[string]events.Type, len(log)), map[string]*events.Task{}
	for _, l := range log {
		ids[fmt.Sprintf("%s/%d/%d/%d", fleetTopics.Events(), fleetPartition, l.Epoch, l.N)] = l.Type
		if m, ok := l.Message.(*events.TaskAccepted); ok {
			tasks[m.Task.Id] = m.Task
		}
	}
	for _, p := range f.receivers() {
		for _, r := range p.Records() {
			from, _ := r.Header(events.HeaderFrom)
			if typ := events.TypeOfRecord(&r); ids[string(from)] != typ {
				return fmt.Errorf("%s of %s was published, which does not count", typ, from)
			}
			_, m, err := events.Decode(&r)
			if err != nil {
				return fmt.Errorf("read what was published of %s: %w", from, err)
			}
			if err := checkCopy(m, tasks); err != nil {
				return fmt.Errorf("published of %s: %w", from, err)
			}
		}
	}
	return nil
}

// receivers are the partitions that engines and people read.
func (f *fleet) receivers() []*sim.Partition {
	all := []*sim.Partition{f.partition(fleetTopics.DeadLetters(), 0)}
	for i := range fleetEngines {
		all = append(all, f.assignments(newSpec(i).AssignmentsPartition))
	}
	return all
}

// checkCopy: a task is told as it was accepted, with its payload.
func checkCopy(m proto.Message, tasks map[string]*events.Task) error {
	told, ok := m.(interface{ GetTask() *events.Task })
	if !ok {
		return nil
	}
	got := proto.CloneOf(told.GetTask())
	if accepted := tasks[got.GetId()]; accepted == nil || string(got.Payload) != payloadOf(got.Id) {
		return fmt.Errorf("the task is told as %v", got)
	} else {
		want := proto.CloneOf(accepted)
		for _, t := range []*events.Task{got, want} { // What is met or told is left out.
			t.After, t.Payload, t.PayloadAt = nil, nil, 0
		}
		if !proto.Equal(got, want) {
			return fmt.Errorf("the task is told as %v; accepted was %v", got, want)
		}
	}
	return nil
}
