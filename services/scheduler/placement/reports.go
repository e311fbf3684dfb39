package placement

import "github.com/spanway/spanway/pkg/events"

func (c *cycle) finished(name events.Pool, m *events.AttemptFinished) {
	s := c.s
	p, t := s.reported(name, m)
	if t == nil {
		c.stale(name, m)
		return
	}
	s.deciding = attempt{p, t}
	base := attemptOf(p, t)
	at := c.now.Now
	switch m.Outcome {
	case events.AttemptFinished_SUCCEEDED:
		c.emit(&events.TaskSucceeded{
			TaskId: base.task, Pool: base.pool, EngineId: base.engine, Attempt: base.attempt, Token: base.token,
			Result: m.Result, ResultType: m.ResultType, AtMs: at,
		})
	case events.AttemptFinished_RETURNED:
		c.emit(&events.TaskAttemptReturned{
			TaskId: base.task, Pool: base.pool, EngineId: base.engine, Attempt: base.attempt, Token: base.token,
			Reason: m.Error.GetMessage(), AtMs: at,
		})
	case events.AttemptFinished_REFUSED:
		c.emit(&events.TaskAssignmentRefused{
			TaskId: base.task, Pool: base.pool, EngineId: base.engine, Attempt: base.attempt, Token: base.token,
			Code: m.Error.GetCode(), Message: m.Error.GetMessage(), AtMs: at,
		})
	case events.AttemptFinished_FAILED:
		if !t.tmpl.retry.isFinal(m.Error.GetCode()) {
			c.emit(&events.TaskAttemptFailed{
				TaskId: base.task, Pool: base.pool, EngineId: base.engine, Attempt: base.attempt, Token: base.token,
				Error: m.Error, AtMs: at,
			})
			c.settle(p, t)
			return
		}
		fallthrough
	default:
		c.emit(&events.TaskFailed{
			TaskId: base.task, Pool: base.pool, EngineId: base.engine, Attempt: base.attempt, Token: base.token,
			Error: m.Error, AtMs: at,
		})
	}
}

// attemptName is what every event of an attempt says.
type attemptName struct {
	task, pool, engine string
	attempt            int32
	token              uint64
}

func attemptOf(p *pool, t *task) attemptName {
	return attemptName{task: t.id, pool: string(p.name), engine: t.engine.id, attempt: t.attempt(), token: t.token}
}

// stale answers a report on an attempt that is over, or that is not as the report names
// it. If that very report ended it, this is only a copy, and changes nothing.
func (c *cycle) stale(name events.Pool, m *events.AttemptFinished) {
	if _, t := c.s.live(string(name), m.TaskId); t != nil {
		if t.token == m.Token && t.reported && t.status == waiting && t.lastEngine == m.EngineId {
			return
		}
	} else if ref, ok := c.s.remembered(name, m.TaskId); ok && ref.token&^successBit == m.Token&^successBit {
		return
	}
	c.emit(&events.TaskStaleResultRejected{
		TaskId: m.TaskId, Pool: string(name), EngineId: printable(m.EngineId, maxReasonBytes), Attempt: m.Attempt, Token: m.Token,
		Outcome: outcomeName(m.Outcome), Incarnation: printable(m.Incarnation, maxReasonBytes), AtMs: c.now.Now,
	})
}

func outcomeName(o events.AttemptFinished_Outcome) string {
	switch o {
	case events.AttemptFinished_SUCCEEDED:
		return "succeeded"
	case events.AttemptFinished_RETURNED:
		return "returned"
	case events.AttemptFinished_REFUSED:
		return "refused"
	}
	return "failed"
}

func (c *cycle) heartbeat(name events.Pool, m *events.EngineHeartbeat) {
	p, e := c.s.presentEngine(string(name), m.EngineId, m.Incarnation)
	if e == nil {
		return
	}
	e.lastBeat = c.s.tenure.heard
	c.returnUnreceived(p, e, m)
	c.observe(p, e, m.Used)
}

// returnUnreceived gives back the attempts that the engine has read past and
// yet neither holds nor has reported: its reports stand in order, so the end of
// an attempt was read before a heartbeat that leaves it out.
func (c *cycle) returnUnreceived(p *pool, e *engine, m *events.EngineHeartbeat) {
	running := m.Running
	for t := e.first; t != nil && !c.full(); {
		next := t.attemptNext
		if t.epoch > m.ReceivedEpoch || t.epoch == m.ReceivedEpoch && t.n > m.ReceivedN {
			return // It has not read that far; later attempts stand behind.
		}
		for len(running) > 0 && running[0] < t.token {
			running = running[1:]
		}
		if len(running) == 0 || running[0] != t.token {
			c.unreceived(p, t)
		}
		t = next
	}
}

// unreceived takes back an attempt that its engine did not get. If that is because
// there is no payload to send, it is the last one: no other would be sent either.
func (c *cycle) unreceived(p *pool, t *task) {
	base := attemptOf(p, t)
	c.s.deciding = attempt{p, t}
	if t.payloadGone {
		c.emit(&events.TaskFailed{
			TaskId: base.task, Pool: base.pool, EngineId: base.engine, Attempt: base.attempt, Token: base.token,
			Error: &events.TaskError{Code: codePayloadLost, Message: textPayloadLost}, AtMs: c.now.Now,
		})
		return
	}
	c.emit(&events.TaskAttemptReturned{
		TaskId: base.task, Pool: base.pool, EngineId: base.engine, Attempt: base.attempt, Token: base.token,
		Reason: reasonNotReceived, AtMs: c.now.Now,
	})
}

func (c *cycle) register(prep *Prepared, m *events.EngineRegistration) {
	in := m.Engine
	refuse := func(code events.Code, message string) {
		c.emit(&events.EngineRegistrationRefused{
			EngineId: in.Id, Incarnation: in.Incarnation, Pool: in.Pool, Code: string(code), Message: message,
			AssignmentsPartition: events.EnginePartition(events.EngineID(in.Id)), AtMs: c.now.Now,
		})
	}
	if prep.invalid != nil {
		refuse(prep.invalid.Code, prep.invalid.Message)
		return
	}
	if err := c.s.supportsEngine(in); err != nil {
		refuse(events.CodeUnknownField, malformed(err).Message)
		return
	}
	var order drain
	var drained bool
	if p := c.s.pools[prep.pool]; p != nil {
		order, drained = p.drains[in.Id]
		if old := p.engines[in.Id]; old != nil {
			switch {
			case old.incarnation == in.Incarnation && old.present():
				old.lastBeat = c.s.tenure.heard
				return // A copy of the registration; the answer is on its way.
			case old.incarnation == in.Incarnation || old.present() && earlier(in, old.registered):
				refuse(events.CodeStaleIncarnation, "incarnation "+old.incarnation+" is known, which is "+old.status.String())
				return
			}
		}
	}
	c.emit(&events.EngineRegistered{Engine: in, AtMs: c.now.Now})
	if drained {
		c.emit(&events.EngineDraining{
			EngineId: in.Id, Incarnation: in.Incarnation, Pool: in.Pool, Reason: order.reason, ByOperator: true, AtMs: c.now.Now,
		})
	}
}

// earlier tells whether the life of an engine that wants to register began before the
// one that is there. The log decides, and no clock: a life begins at the end of its
// partition of tasks.assignments, and the answer to its registration stands behind that.
// So whatever starts once that answer is published begins further on, whatever its host
// thinks of the time; and a registration of before that comes again cannot displace its
// successor. Only two that begin at one place, of which none was answered before the
// other began, are told apart by their incarnations, which hosts make by their clocks.
func earlier(in, present *events.Engine) bool {
	if in.AssignmentsFrom != present.AssignmentsFrom {
		return in.AssignmentsFrom < present.AssignmentsFrom
	}
	return in.Incarnation < present.Incarnation
}

func (c *cycle) leaving(name events.Pool, m *events.EngineLeaving) {
	p, e := c.s.presentEngine(string(name), m.EngineId, m.Incarnation)
	if e == nil {
		return
	}
	e.lastBeat = c.s.tenure.heard
	if m.Departed {
		c.emit(&events.EngineDeparted{
			EngineId: e.id, Incarnation: e.incarnation, Pool: string(p.name), Attempts: int64(e.attempts), AtMs: c.now.Now,
		})
		return
	}
	c.emit(&events.EngineDraining{
		EngineId: e.id, Incarnation: e.incarnation, Pool: string(p.name), Reason: "it is leaving", AtMs: c.now.Now,
	})
}

// commanded finds the engine that a command names, and the incarnation that it
// is about: none if the engine is gone.
func (c *cycle) commanded(name events.Pool, id string) (e *engine, incarnation string, refused *events.Malformed) {
	if p := c.s.pools[name]; p != nil {
		if e = p.engines[id]; e != nil && e.present() {
			return e, e.incarnation, nil
		}
		if _, drained := p.drains[id]; drained || e != nil {
			return e, "", nil
		}
	}
	return nil, "", events.Refuse(events.CodeUnknownEngine, "pool %q has no engine %q; check the ID and the pool", name, id)
}

func (c *cycle) drain(name events.Pool, m *events.EngineDrainRequested) *events.Malformed {
	_, incarnation, refused := c.commanded(name, m.EngineId)
	if refused != nil {
		return refused
	}
	c.emit(&events.EngineDraining{
		EngineId: m.EngineId, Incarnation: incarnation, Pool: string(name), Reason: m.Reason, ByOperator: true, AtMs: c.now.Now,
	})
	return nil
}

// resume ends a drain by command. An incarnation that is leaving leaves all the same.
func (c *cycle) resume(name events.Pool, m *events.EngineResumeRequested) *events.Malformed {
	e, incarnation, refused := c.commanded(name, m.EngineId)
	if refused != nil {
		return refused
	}
	if e != nil && e.leaving {
		incarnation = ""
	}
	c.emit(&events.EngineResumed{EngineId: m.EngineId, Incarnation: incarnation, Pool: string(name), AtMs: c.now.Now})
	return nil
}
