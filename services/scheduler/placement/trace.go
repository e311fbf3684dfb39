package placement

import "github.com/spanway/spanway/pkg/events"

// Trace is the W3C trace context that a record or a task came with. Nothing is
// decided by it.
type Trace struct{ Parent, State string }

func traceOf(env events.Envelope) *Trace {
	if env.Traceparent == "" {
		return nil
	}
	return &Trace{env.Traceparent, env.Tracestate}
}

// TraceOf tells in which trace a prepared input is, and, of the end of an attempt,
// which attempt that is. ok is false for inputs that are in none.
func TraceOf(in *Prepared) (t Trace, pool events.Pool, token events.Token, ok bool) {
	if in == nil || in.trace == nil {
		return Trace{}, "", 0, false
	}
	if m, is := in.message.(*events.AttemptFinished); is {
		token = events.Token(m.Token)
	}
	return *in.trace, in.pool, token, true
}

// Trace tells in which trace a task that has not ended was asked for, and when it
// was accepted, in milliseconds since the Unix epoch. ok is false if it is in none.
func (s *State) Trace(pool events.Pool, id events.TaskID) (t Trace, acceptedMs int64, ok bool) {
	p := s.pools[pool]
	if p == nil {
		return Trace{}, 0, false
	}
	k := p.tasks[string(id)]
	if k == nil || k.extra == nil || k.extra.traceparent == "" {
		return Trace{}, 0, false
	}
	return Trace{k.extra.traceparent, k.extra.tracestate}, k.acceptedAt, true
}
