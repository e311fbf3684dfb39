package placement

import (
	"hash/fnv"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Budgets of one Advance. They only bound how soon it returns to the shell, which has
// the clock, and calls it again while the round has time (package eventlog).
const (
	maxEvents      = 2_000
	maxBytes       = 880 << 10
	maxEvaluations = 2_048
	maxSteps       = 8_192
	// maxScans of the evaluations go to groups that are scanned again.
	maxScans = 512
)

// Error codes that the scheduler itself gives to attempts.
const (
	codeTimeout    = "TIMEOUT"
	codeEngineLost = "ENGINE_LOST"
	// codePayloadLost is final: no attempt will be given a payload.
	codePayloadLost = "PAYLOAD_LOST"
)

const textPayloadLost = "the log no longer holds the task's payload; submit the task again"

// textBackstop marks what the scheduler timed out, not the engine.
const textBackstop = "no result within the execution timeout, nor from its engine"

// isBackstop tells whether the scheduler ended the attempt and not its engine,
// which then needs to be told.
func isBackstop(m *events.TaskAttemptFailed) bool {
	return m.Error.GetCode() == codeTimeout && m.Error.GetMessage() == textBackstop
}

// reasonNotReceived: the engine read past the assignment without getting it.
const reasonNotReceived = "not received"

// cycle is one call of Advance or Decide.
type cycle struct {
	s *State
	// now.Now is the time of events; the host's own clock is the tenure's.
	now   events.Clock
	write func(proto.Message)
	// at is where the input stands that is decided.
	at events.Place
	// What is left of the budgets.
	events, bytes, evaluations, scans, steps int
}

func (s *State) cycle(now events.Clock, emit func(proto.Message)) *cycle {
	now.Now = s.tell(now)
	return &cycle{
		s: s, now: now, write: emit, events: maxEvents, bytes: maxBytes,
		evaluations: maxEvaluations, scans: maxScans, steps: maxSteps,
	}
}

// emit writes an event, which is applied before emit returns.
func (c *cycle) emit(m proto.Message) {
	c.events--
	c.bytes -= weight(m)
	c.write(m)
}

// full tells that the rest must wait for the next call.
func (c *cycle) full() bool { return c.events <= 0 || c.bytes <= 0 }

// perEvent is more than an event takes in a batch without its texts.
const perEvent = 256

// weight is about what m takes in a batch, rather too much than too little:
// written as JSON, text can take twice its length.
func weight(m proto.Message) int {
	switch m := m.(type) { // Measuring costs.
	case *events.TaskAccepted, *events.TaskSucceeded:
		return 0 // One at most for an input, and that is as large.
	case *events.TaskAssigned:
		return perEvent + 64 + 2*(len(m.TaskId)+len(m.Pool)+len(m.EngineId)+len(m.Incarnation))
	}
	return perEvent + 2*proto.Size(m)
}

// Advance does what time and free capacity ask for, up to a bounded number of
// events and a bounded amount of work, which is some milliseconds; more tells that
// something is left, and to call it again. The first call makes this host the one that
// decides: leases of engines begin anew.
func (s *State) Advance(now events.Clock, emit func(proto.Message)) (more bool) {
	if s.err != nil {
		return false
	}
	c := s.cycle(now, emit)
	if !s.leading {
		s.lead(c.now.Now)
	}
	c.raise()
	more = !c.loseSilent()
	n := len(s.order)
	for i := range n {
		if p := s.order[(s.turn+i)%n]; !p.replaced && !c.advance(p) {
			more = true
		}
	}
	if n > 0 {
		s.turn = (s.turn + 1) % n
	}
	for _, p := range s.order { // What was emitted may have made the log live on.
		more = more || !p.replaced && p.match.impatient(s.aged) != nil
	}
	s.deciding = attempt{}
	return more
}

func (s *State) lead(now int64) {
	s.leading = true
	for _, p := range s.order {
		p.match = newMatcher(s, p)
		p.match.build(now)
		for _, e := range p.byIndex {
			if e != nil {
				e.lastBeat = s.tenure.heard
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
	if !c.giveUp(p) || !c.settleAll(p) || !c.wake(p) || !c.timeOut(p) || !c.settleAll(p) {
		return false
	}
	done := m.resolveAll(c)
	c.evaluations = max(c.evaluations, maxScans) // Neither kind of predicate starves the other.
	if !m.placeSingles(c) {
		done = false
	}
	// What was placed last may have changed what the singles read.
	return m.placeLanes(c, nil) && c.reserve(p) && done && m.settled >= len(m.singles)
}

// settleAll emits what tasks owe the log.
func (c *cycle) settleAll(p *pool) bool {
	for p.owing.len() > 0 {
		if c.full() {
			return false
		}
		if d := p.owing.pop(); d.open() {
			c.settle(p, d.task)
		}
	}
	return true
}

// settle emits the event that t owes, if it still owes one.
func (c *cycle) settle(p *pool, t *task) {
	if t.ended() {
		return
	}
	c.s.deciding = attempt{p, t}
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

// wake handles ends of backoffs, times not to begin before, and schedule timeouts.
func (c *cycle) wake(p *pool) bool {
	m := p.match
	for len(m.wake) > 0 && m.wake[0].due <= c.now.Now {
		if c.full() {
			return false
		}
		t := m.wake[0]
		if !t.ran && t.tmpl.scheduleTimeout > 0 && t.acceptedAt+t.tmpl.scheduleTimeout <= c.now.Now {
			c.s.deciding = attempt{p, t}
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
		if c.full() {
			return false
		}
		t := m.backstops[0]
		c.s.deciding = attempt{p, t}
		c.emit(&events.TaskAttemptFailed{
			TaskId: t.id, Pool: string(p.name), EngineId: t.engine.id, Attempt: t.attempt(), Token: t.token,
			Error: &events.TaskError{Code: codeTimeout, Message: textBackstop},
			AtMs:  c.now.Now,
		})
		c.settle(p, t)
	}
	return true
}

// leaseCheckMs is how often silence is looked for.
const leaseCheckMs = 100

// loseSilent declares engines lost that were silent for the TTL, as far as
// everything that they could have sent until then was read; false if a budget
// ended it.
func (c *cycle) loseSilent() bool {
	s := c.s
	if c.now.ReadTo < s.nextLease {
		return true
	}
	s.nextLease = c.now.ReadTo + leaseCheckMs
	ttl := s.cfg.TTL.Milliseconds()
	for _, p := range s.order {
		for _, e := range p.byIndex {
			if e == nil || e.lastBeat+ttl >= c.now.ReadTo {
				continue
			}
			if c.full() {
				s.nextLease = 0 // Go on at the next call.
				return false
			}
			c.emit(&events.EngineLost{
				EngineId: e.id, Incarnation: e.incarnation, Pool: string(p.name), Attempts: int64(e.attempts),
				Reason: "no heartbeat for " + s.cfg.TTL.String(), AtMs: c.now.Now,
			})
		}
	}
	return true
}
