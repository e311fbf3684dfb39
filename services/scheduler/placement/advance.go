package placement

import (
	"hash/fnv"
	"strconv"

	"github.com/spanway/spanway/pkg/events"
	"google.golang.org/protobuf/proto"
)

// Budgets of one Advance: it returns soon, and is called again after the append.
const (
	maxEvents      = 2_000
	maxEvaluations = 2_048
	maxSteps       = 8_192
	// maxScans of the evaluations go to groups that are scanned again.
	maxScans = 512
)

// Error codes that the scheduler itself gives to attempts.
const (
	codeTimeoutBackstop = "TIMEOUT"
	codeEngineLost      = "ENGINE_LOST"
)

// reasonNotReceived: the engine read past the assignment without getting it.
const reasonNotReceived = "not received"

// cycle is one call of Advance or Decide.
type cycle struct {
	s     *State
	now   events.Clock
	write func(proto.Message)
	// What is left of the budgets.
	events, evaluations, scans, steps int
}

func (s *State) cycle(now events.Clock, emit func(proto.Message)) *cycle {
	return &cycle{s: s, now: now, write: emit, events: maxEvents, evaluations: maxEvaluations, scans: maxScans, steps: maxSteps}
}

// emit writes an event, which is applied before emit returns.
func (c *cycle) emit(m proto.Message) {
	c.events--
	c.write(m)
}

// Advance does what time and free capacity ask for, up to a bounded number of
// events; more tells to call it again after they were appended. The first call
// makes this host the one that decides: leases of engines begin anew.
func (s *State) Advance(now events.Clock, emit func(proto.Message)) (more bool) {
	if !s.leading {
		s.lead(now)
	}
	c := s.cycle(now, emit)
	c.loseSilent()
	n := len(s.order)
	for i := range n {
		if p := s.order[(s.turn+i)%n]; !c.advance(p) {
			more = true
		}
	}
	if n > 0 {
		s.turn = (s.turn + 1) % n
	}
	s.deciding = nil
	return more
}

func (s *State) lead(now events.Clock) {
	s.leading = true
	for _, p := range s.order {
		p.match = newMatcher(s, p)
		p.match.build(now.Now)
		for _, e := range p.byIndex {
			if e != nil {
				e.lastBeat = now.Now
			}
		}
	}
}

// advance does what one pool is due; false if a budget ended it.
func (c *cycle) advance(p *pool) bool {
	m := p.match
	if m.stale {
		m = newMatcher(c.s, p)
		p.match = m
		m.build(c.now.Now)
	}
	if !c.settleAll(p) || !c.wake(p) || !c.timeOut(p) {
		return false
	}
	done := m.resolveAll(c)
	m.unblock()
	c.evaluations = max(c.evaluations, maxScans) // Neither kind of predicate starves the other.
	if !m.placeSingles(c) {
		done = false
	}
	// What was placed last may have changed what the singles read.
	return m.placeLanes(c, nil) && done && m.settled >= len(m.singles)
}

// settleAll emits what tasks owe the log.
func (c *cycle) settleAll(p *pool) bool {
	for len(p.owing) > 0 {
		if c.events <= 0 {
			return false
		}
		t := p.owing[0]
		p.owing = p.owing[1:]
		c.settle(p, t)
	}
	p.owing = nil
	return true
}

// settle emits the event that t owes, if it still owes one.
func (c *cycle) settle(p *pool, t *task) {
	if t.ended() {
		return
	}
	c.s.deciding = t
	switch t.fate {
	case owesRetry:
		wait := t.tmpl.retry.backoff(t.failures)
		c.emit(&events.TaskRetryScheduled{
			TaskId: t.id, Pool: string(p.name), Attempt: t.attempt(),
			NotBeforeMs: c.now.Now + wait - jitter(t.id, t.failures, wait), AtMs: c.now.Now,
		})
	case owesDeath:
		c.emit(&events.TaskDeadLettered{
			TaskId: t.id, Pool: string(p.name), Attempts: t.failures, Error: t.lastErr, AtMs: c.now.Now,
		})
	case owesCancel:
		c.cancel(p, t, t.extras().cancelReason)
	}
}

// jitter spreads retries over the last fifth of the wait, alike in every replay.
func jitter(id string, failures int32, wait int64) int64 {
	if wait < 5 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write(strconv.AppendInt([]byte(id), int64(failures), 10))
	return int64(h.Sum64() % uint64(wait/5))
}

func (c *cycle) cancel(p *pool, t *task, reason string) {
	m := &events.TaskCancelled{TaskId: t.id, Pool: string(p.name), Reason: reason, AtMs: c.now.Now}
	if t.status == assigned {
		m.EngineId, m.Token = t.engine.id, t.token
	}
	c.emit(m)
}

// wake handles ends of backoffs and schedule timeouts.
func (c *cycle) wake(p *pool) bool {
	m := p.match
	for len(m.wake) > 0 && m.wake[0].due <= c.now.Now {
		if c.events <= 0 {
			return false
		}
		t := m.wake[0]
		if !t.ran && t.tmpl.scheduleTimeout > 0 && t.acceptedAt+t.tmpl.scheduleTimeout <= c.now.Now {
			c.s.deciding = t
			c.emit(&events.TaskExpired{TaskId: t.id, Pool: string(p.name), AtMs: c.now.Now})
			continue
		}
		m.wake.stop(t)
		m.add(t, c.now.Now)
	}
	return true
}

// timeOut ends attempts whose engine should have timed them out.
func (c *cycle) timeOut(p *pool) bool {
	m := p.match
	for len(m.backstops) > 0 && m.backstops[0].due < c.now.ReadTo {
		if c.events <= 0 {
			return false
		}
		t := m.backstops[0]
		c.s.deciding = t
		c.emit(&events.TaskAttemptFailed{
			TaskId: t.id, Pool: string(p.name), EngineId: t.engine.id, Attempt: t.attempt(), Token: t.token,
			Error: &events.TaskError{Code: codeTimeoutBackstop, Message: "no result within the execution timeout, nor from its engine"},
			AtMs:  c.now.Now,
		})
		c.settle(p, t)
	}
	return true
}

// leaseCheckMs is how often silence is looked for.
const leaseCheckMs = 100

// loseSilent declares engines lost that were silent for the TTL, as far as
// everything that they could have sent until then was read.
func (c *cycle) loseSilent() {
	s := c.s
	if c.now.ReadTo < s.nextLease {
		return
	}
	s.nextLease = c.now.ReadTo + leaseCheckMs
	ttl := s.cfg.TTL.Milliseconds()
	for _, p := range s.order {
		for _, e := range p.byIndex {
			if e == nil || e.lastBeat+ttl >= c.now.ReadTo {
				continue
			}
			if c.events <= 0 {
				s.nextLease = 0 // Go on at the next call.
				return
			}
			c.emit(&events.EngineLost{
				EngineId: e.id, Incarnation: e.incarnation, Pool: string(p.name), Attempts: int64(e.attempts),
				Reason: "no heartbeat for " + s.cfg.TTL.String(), AtMs: c.now.Now,
			})
		}
	}
}
