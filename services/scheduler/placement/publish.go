package placement

import (
	"cmp"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Publish sends the record that a counted event causes on another topic, built
// from the state, if it causes one. Whatever was not published before a
// crash is given again, alike, to the next owner; only an assignment that is
// over causes nothing any more. It is for events that no LogPublished covers:
// of others the state may not hold all that the record had.
func (s *State) Publish(l events.Logged, send func(events.Outgoing)) {
	if out, ok := s.caused(l); ok {
		send(out)
	}
}

func (s *State) caused(l events.Logged) (events.Outgoing, bool) {
	switch m := l.Message.(type) {
	case *events.TaskAssigned:
		return s.publishAssigned(m)
	case *events.TaskCancelled:
		return s.toEngine(m.EngineId, m)
	case *events.TaskForwarded:
		return forward(m)
	case *events.TaskRejected:
		if m.Raw == nil {
			return events.Outgoing{}, false
		}
		return s.toDeadLetters(m.Source.GetTopic()+"/"+strconv.Itoa(int(m.Source.GetPartition())), &events.DeadLetter{
			Code: m.Code, Message: m.Message, Source: m.Source, Raw: m.Raw, AtMs: m.AtMs,
		})
	case *events.TaskDeadLettered:
		return s.publishDeadLettered(m, l.Offset)
	case *events.TaskAttemptReturned:
		if m.Reason != reasonNotReceived {
			return events.Outgoing{}, false // The engine itself gave it back.
		}
		return s.toEngine(m.EngineId, m)
	case *events.TaskAttemptFailed:
		if !isBackstop(m) {
			return events.Outgoing{}, false // The engine itself reported it.
		}
		return s.toEngine(m.EngineId, m)
	case *events.EngineRegistered:
		return s.toEngine(m.Engine.GetId(), m)
	case *events.EngineRegistrationRefused:
		return s.toEngine(m.EngineId, m)
	case *events.EngineLost:
		return s.toEngine(m.EngineId, m)
	case *events.EngineDraining:
		return s.toEngine(m.EngineId, m)
	case *events.EngineResumed:
		return s.toEngine(m.EngineId, m)
	}
	return events.Outgoing{}, false
}

// addressee is an engine as records name it.
type addressee struct {
	key       []byte
	topic     string
	partition int32
}

func (s *State) toEngine(id string, m proto.Message) (events.Outgoing, bool) {
	if id == "" {
		return events.Outgoing{}, false
	}
	if string(s.addressee.key) != id { // Mostly it is one of few, and often the one before.
		s.addressee = addressee{[]byte(id), s.cfg.Topics.Assignments(), events.EnginePartition(events.EngineID(id))}
	}
	a := &s.addressee
	return events.Outgoing{Topic: a.topic, Partition: a.partition, Key: a.key, Message: m}, true
}

// publishAssigned completes the copy with the task. An attempt that is over
// needs no engine any more.
func (s *State) publishAssigned(m *events.TaskAssigned) (events.Outgoing, bool) {
	p, t := s.running(m.Pool, m.TaskId, m.Token)
	if t == nil {
		return events.Outgoing{}, false
	}
	full := t.message(p)
	out, ok := s.toEngine(m.EngineId, &events.TaskAssigned{
		TaskId: m.TaskId, Pool: m.Pool, EngineId: m.EngineId, Incarnation: m.Incarnation, Attempt: m.Attempt,
		Token: m.Token, View: m.View, Task: full, Score: m.Score, AtMs: m.AtMs,
	})
	t.complete(&out, full)
	return out, ok
}

func (s *State) publishDeadLettered(m *events.TaskDeadLettered, offset int64) (events.Outgoing, bool) {
	full := &events.TaskDeadLettered{
		TaskId: m.TaskId, Pool: m.Pool, Attempts: m.Attempts, Error: m.Error, AtMs: m.AtMs,
	}
	open := s.dying.all()
	i, ok := slices.BinarySearchFunc(open, offset, func(d dying, at int64) int { return cmp.Compare(d.offset, at) })
	out, _ := s.toDeadLetters(m.Pool, full)
	if ok {
		full.Task = open[i].task.message(open[i].pool)
		open[i].task.complete(&out, full.Task)
	}
	return out, true
}

func (s *State) toDeadLetters(key string, m proto.Message) (events.Outgoing, bool) {
	return events.Outgoing{Topic: s.cfg.Topics.DeadLetters(), Key: []byte(key), Message: m}, true
}

func forward(m *events.TaskForwarded) (events.Outgoing, bool) {
	raw := m.Raw
	if raw == nil {
		return events.Outgoing{}, false
	}
	rec := &events.Record{Key: raw.Key, Value: raw.Value}
	if !raw.ValueNull && rec.Value == nil {
		rec.Value = []byte{}
	}
	for _, h := range raw.Headers {
		rec.Headers = append(rec.Headers, events.Header{Key: h.Key, Value: h.Value})
	}
	return events.Outgoing{Topic: m.Source.GetTopic(), Partition: m.Partition, Key: raw.Key, Raw: rec}, true
}
