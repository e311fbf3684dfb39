package placement

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

// Payloads stand in the log: what is folded of one is its offset and its length.
// Whether it is in memory, too, is this host's own matter; it is neither folded
// nor hashed.

// holdPayload notes the payload of an accepted task, and holds it if there is room.
func (s *State) holdPayload(t *task, in *events.Task, offset int64) {
	if s.version >= foldWhole && in.PayloadAt != 0 {
		t.payloadAt, t.payloadLen = in.PayloadAt, s.payloadLenAt(in)
		if in.PayloadAt < 0 || in.PayloadAt >= offset {
			t.payloadAt, t.payloadLen = offset, payloadUnknown // It stands nowhere; there is none either.
		}
		return
	}
	if len(in.Payload) == 0 {
		return
	}
	t.payloadAt, t.payloadLen = offset, int32(len(in.Payload))
	if s.payloadBytes+len(in.Payload) <= s.cfg.PayloadBytes {
		t.payload = in.Payload
		s.payloadBytes += len(in.Payload)
	}
}

// payloadUnknown is the length of a payload that nothing kept refers to.
const payloadUnknown = -1

// payloadLenAt is the length of the payload that a retry by hand refers to: it
// is that of an ended task, which was kept when the retry was decided.
func (s *State) payloadLenAt(in *events.Task) int32 {
	if k, ok := s.kept.tasks[keyOf(events.Pool(in.Pool), in.ReplayOf)]; ok && k.task.payloadAt == in.PayloadAt {
		return k.task.payloadLen
	}
	for _, key := range s.kept.oldest.all() {
		if t := s.kept.tasks[key].task; t.payloadLen != 0 && t.payloadAt == in.PayloadAt {
			return t.payloadLen
		}
	}
	return payloadUnknown
}

// dropPayload takes t's payload out of memory.
func (s *State) dropPayload(t *task) {
	s.payloadBytes -= len(t.payload)
	t.payload = nil
}

// complete has the runtime fetch the payload of t, which goes out in a message,
// unless it is in memory.
func (t *task) complete(out *events.Outgoing, in *events.Task) {
	if t.payloadLen == 0 || t.payload != nil {
		return
	}
	out.Missing = t.payloadAt
	out.Gone = func() { t.payloadGone = true }
	id := t.id
	out.Complete = func(m proto.Message) error {
		var from *events.Task
		switch m := m.(type) {
		case *events.TaskAccepted:
			from = m.Task
		case *events.PoolImported:
			from = inPart(m.Part, in)
		default:
			return fmt.Errorf("the payload of task %q should stand there, not a %s", id, events.TypeOf(m))
		}
		in.Payload = from.GetPayload()
		if len(in.Payload) == 0 {
			return fmt.Errorf("the payload of task %q should stand there, and task %q has none", id, from.GetId())
		}
		return nil
	}
}

// inPart is the task itself in a part of an import, or the one that it is a replay of, or
// another replay of that: of these there is one in a part.
func inPart(part *events.PoolImportRequested, t *events.Task) *events.Task {
	var like *events.Task
	for _, x := range part.GetTasks() {
		switch {
		case x.GetTask().GetId() == t.Id:
			return x.Task
		case t.ReplayOf != "" && request.Root(x.GetTask()) == t.ReplayOf:
			like = x.Task
		}
	}
	return like
}

// applyTruncated forgets the kept tasks whose payload is about to be deleted.
func (s *State) applyTruncated(m *events.LogTruncated) {
	s.forgetKept(func(t *task) bool { return t.payloadLen != 0 && t.payloadAt < m.Before })
}

// requestAgain is the request of an ended task, to be accepted once more. It refers
// to the payload of the first, but not if that is in the batch that is being
// written: should the batch land elsewhere, the reference were to something else.
func (c *cycle) requestAgain(old kept) (*events.Task, *events.Malformed) {
	t := old.task
	m := t.message(old.pool)
	fixed := c.now.Batch == 0 || t.payloadAt < c.now.Batch
	switch {
	case t.payloadLen == 0:
	case t.payloadGone:
		return nil, events.Refuse(events.CodeUnknownTask, "task %q: %s under a new ID", t.id, textPayloadLost)
	case c.s.version >= foldWhole && fixed:
		m.Payload, m.PayloadAt = nil, t.payloadAt
	case t.payload != nil: // It is repeated.
	case !fixed:
		return nil, events.Refuse(events.CodeUnknownTask, "task %q was accepted only now, and its payload does not stand in the log yet; retry it again", t.id)
	default:
		return nil, events.Refuse(events.CodeUnknownTask,
			"the payload of task %q is not in memory, and to refer to it the log needs fold version %d; submit it again under a new ID",
			t.id, foldWhole)
	}
	return m, nil
}
