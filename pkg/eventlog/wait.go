package eventlog

import (
	"math"
	"time"
)

// quietTails is how many times as long as TailEvery an owner to which nothing happens
// leaves its tail alone. Whatever it appends is judged anyhow.
const quietTails = 5

// untilDue is how an owner waits that has nothing to do: until its core or its tail is
// due, or a note of what was published. What nothing tells it about, it looks at every
// IdleWait: the time, if the core does not say for what it waits; room; whether silence
// is known by now, and what was sent is acknowledged.
func (t *tenure[I]) untilDue() Wait {
	now, poll := t.clock.Now, t.clock.Now+max(1, t.IdleWait.Milliseconds())
	core, ok := t.core.(Timed)
	if !ok || len(t.published.held) > 0 {
		return Wait{For: t.IdleWait}
	}
	due, silence := core.Wakes()
	if due <= now {
		due = poll
	}
	if silence < math.MaxInt64 {
		due = min(due, max(silence+1, poll))
	}
	if t.published.sent >= t.published.through {
		due = min(due, max(t.writtenAt+noteAfterIdle, poll))
	}
	due = min(due, t.tailDue())
	return Wait{For: time.Duration(max(due-now, 1)) * time.Millisecond, Silence: silence}
}

// tailDue is when the tail is to be confirmed. Where nothing happens, those of all owners
// are at the same time, so that their fetches are one request.
func (t *tenure[I]) tailDue() int64 {
	every := t.TailEvery.Milliseconds()
	due := t.tailAt + every
	if k := t.keeping; !t.quiet || len(t.published.held) > 0 || k != nil && (k.saving || k.deleting) {
		return due
	}
	every = max(1, quietTails*every)
	return max(due, (t.tailAt/every+1)*every)
}
