package placement

import (
	"github.com/spanway/spanway/pkg/events"
)

// Apply folds one event. It depends on nothing but the events before it, and
// ignores what does not fit them: only a broken log has such events.
func (s *State) Apply(l events.Logged) {
	s.next = l.Offset + 1
	s.passed(l.Message)
	switch m := l.Message.(type) {
	case *events.TaskAccepted:
		s.applyAccepted(m)
	case *events.TaskAssigned:
		s.applyAssigned(m, l)
	case *events.TaskReserved:
		s.applyReserved(m)
	case *events.PoolConfigured:
		s.applyConfigured(m)
	case *events.LogFoldVersionRaised:
		s.applyRaised(m)
	case *events.TaskSucceeded:
		s.applySucceeded(m, l.Offset)
	case *events.TaskStarted:
		s.applyStarted(m.Pool, m.TaskId, m.Token)
	case *events.TaskProgressed:
		s.applyStarted(m.Pool, m.TaskId, m.Token)
	case *events.TaskFailed:
		s.applyFailed(m, l.Offset)
	case *events.TaskAttemptFailed:
		s.applyAttemptFailed(m)
	case *events.TaskAttemptReturned:
		s.applyReturned(m.Pool, m.TaskId, m.Token, giving{notReceived: m.Reason == reasonNotReceived})
	case *events.TaskAssignmentRefused:
		s.applyReturned(m.Pool, m.TaskId, m.Token, giving{refused: true, notBefore: m.AtMs + refusedPauseMs})
	case *events.TaskRetryScheduled:
		if p, t := s.live(m.Pool, m.TaskId); t != nil {
			t.fate, t.notBefore = none, m.NotBeforeMs
			p.place(t, m.AtMs)
		}
	case *events.TaskExpired:
		if p, t := s.live(m.Pool, m.TaskId); t != nil {
			s.end(p, t, ending{expired, l.Offset, m.AtMs, false})
		}
	case *events.TaskCancelled:
		if p, t := s.live(m.Pool, m.TaskId); t != nil {
			t.extras().cancelReason = m.Reason
			s.end(p, t, ending{cancelled, l.Offset, m.AtMs, false})
		}
	case *events.TaskDeadLettered:
		if p, t := s.live(m.Pool, m.TaskId); t != nil {
			s.end(p, t, ending{dead, l.Offset, m.AtMs, t.reported})
			s.dying.push(dying{l.Offset, p, t})
		}
	case *events.LogPublished:
		for s.dying.len() > 0 && s.dying.front().offset < m.Through {
			s.dying.pop()
		}
	case *events.TaskBulkCancelStarted:
		s.applyBulkCancel(m)
	case *events.TaskRejected:
		if m.TaskId != "" && m.RequestType == string(events.TypeTaskRequested) {
			s.kept.reject(m)
		}
	default:
		s.applyEngine(l)
	}
}

// live finds a task that has not ended.
func (s *State) live(poolName, id string) (*pool, *task) {
	p := s.pools[events.Pool(poolName)]
	if p == nil {
		return nil, nil
	}
	if t := s.deciding; t != nil && t.id == id && p.tasks[id] == t {
		return p, t
	}
	return p, p.tasks[id]
}

// running finds the task whose current attempt has that token.
func (s *State) running(poolName, id string, token uint64) (*pool, *task) {
	p, t := s.live(poolName, id)
	if t == nil || t.status != assigned || t.token != token {
		return nil, nil
	}
	return p, t
}

// reported is the task whose current attempt an engine's report is about. The
// token alone would do; that the engine must be the right one, too, keeps a
// report on what never counted from passing for another's.
func (s *State) reported(in events.Pool, id, engine string, token uint64) (*pool, *task) {
	p, t := s.running(string(in), id, token)
	if t == nil || t.engine.id != engine {
		return nil, nil
	}
	return p, t
}

func (s *State) applyAccepted(m *events.TaskAccepted) {
	p := s.poolOf(events.Pool(m.Task.GetPool()))
	in := s.foldable(m.Task)
	if in == nil || p.tasks[in.Id] != nil {
		return
	}
	p.seq++
	t := &task{id: in.Id, payload: in.Payload, tmpl: p.templateOf(in), seq: p.seq, acceptedAt: m.AtMs, prev: p.last}
	if in.Traceparent != "" || in.ReplayOf != "" {
		t.extra = &extra{traceparent: in.Traceparent, tracestate: in.Tracestate, replayOf: in.ReplayOf}
	}
	if p.last != nil {
		p.last.next = t
	} else {
		p.first = t
	}
	p.last = t
	p.tasks[t.id] = t
	p.waiting++
	s.depend(p, t, in.After)
	if len(s.kept.rejected) > 0 {
		delete(s.kept.rejected, keyOf(p.name, t.id))
	}
	p.place(t, m.AtMs)
}

// place hands a waiting task to the index, if there is one.
func (p *pool) place(t *task, now int64) {
	if p.match != nil && t.status == waiting && t.fate == none {
		p.match.add(t, now)
	}
}

func (s *State) applyAssigned(m *events.TaskAssigned, l events.Logged) {
	p, t := s.live(m.Pool, m.TaskId)
	if t == nil || t.status != waiting {
		return
	}
	e := p.engines[m.EngineId]
	if e == nil || !e.present() {
		return
	}
	if s.fold >= newestFold {
		p.charge(t.tmpl)
	}
	if p.match != nil {
		p.match.remove(t)
	}
	p.unreserve(t)
	p.waiting--
	p.running++
	p.occupy(t.tmpl.limiter)
	p.token = max(p.token, m.Token)
	p.cursor = e.index
	t.status, t.token, t.assignedAt = assigned, m.Token, m.AtMs
	t.started, t.ran, t.reported, t.notBefore = false, true, false, 0
	t.epoch, t.n = l.Epoch, l.N
	e.reserve(t)
	if p.match != nil {
		p.match.reserved(e, t)
	}
}

// vacate takes a task off its engine.
func (p *pool) vacate(t *task) {
	e := t.engine
	e.release(t)
	p.running--
	p.waiting++
	t.status = waiting
	if p.match != nil {
		p.match.released(e, t)
	}
	p.vacated(t.tmpl.limiter)
}

func (s *State) applySucceeded(m *events.TaskSucceeded, offset int64) {
	p, t := s.running(m.Pool, m.TaskId, m.Token)
	if t == nil {
		return
	}
	if s.cfg.KeepSucceeded {
		t.extras().result, t.extras().resultType = m.Result, m.ResultType
	}
	s.end(p, t, ending{succeeded, offset, m.AtMs, true})
}

func (s *State) applyStarted(poolName, id string, token uint64) {
	if _, t := s.running(poolName, id, token); t != nil {
		t.started = true
	}
}

func (s *State) applyFailed(m *events.TaskFailed, offset int64) {
	if p, t := s.running(m.Pool, m.TaskId, m.Token); t != nil {
		t.lastErr = m.Error
		s.end(p, t, ending{failed, offset, m.AtMs, true})
	}
}

func (s *State) applyAttemptFailed(m *events.TaskAttemptFailed) {
	p, t := s.running(m.Pool, m.TaskId, m.Token)
	if t == nil {
		return
	}
	t.lastErr = m.Error
	t.reported = !isBackstop(m)
	owed := t.fate
	p.vacate(t)
	t.failures++
	switch {
	case owed == owesCancel:
	case t.failures >= t.tmpl.retry.maxAttempts:
		p.owe(t, owesDeath)
	default:
		p.owe(t, owesRetry)
	}
}

// owe notes that an event about t must follow.
func (p *pool) owe(t *task, f fate) {
	t.fate = f
	p.owing = append(p.owing, t)
}

// refusedPauseMs keeps a task and an engine that refuses it from spinning.
const refusedPauseMs = 1_000

// giving is how an attempt is given back.
type giving struct {
	refused, notReceived bool
	notBefore            int64
}

func (s *State) applyReturned(poolName, id string, token uint64, how giving) {
	p, t := s.running(poolName, id, token)
	if t == nil {
		return
	}
	p.vacate(t)
	t.reported = !how.notReceived
	t.notBefore = how.notBefore
	if (how.refused || how.notReceived) && t.failures == 0 {
		t.ran = false
	}
	p.place(t, 0)
}

// ending is how a task ends.
type ending struct {
	status     status
	offset, at int64
	// reported: by the report of its last attempt.
	reported bool
}

func (s *State) end(p *pool, t *task, how ending) {
	switch t.status {
	case assigned:
		p.vacate(t)
	case waiting:
		if p.match != nil {
			p.match.remove(t)
		}
		p.unreserve(t)
	}
	p.waiting--
	t.status, t.fate = how.status, none
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		p.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		p.last = t.prev
	}
	t.prev, t.next = nil, nil
	delete(p.tasks, t.id)
	key := keyOf(p.name, t.id)
	ref := endedRef{offset: how.offset}
	if how.reported {
		ref.token = t.token
	}
	if t.status == succeeded {
		ref.token |= successBit
	}
	s.ended.add(key, ref, s.aged, s.cfg.EndedWindow)
	p.resolve(t, how.at)
	if t.status == succeeded && !s.cfg.KeepSucceeded {
		p.dropTemplate(t.tmpl)
		return
	}
	t.extras().endedAt, t.extras().endedOffset = how.at, how.offset
	s.kept.add(key, p, t, &s.cfg)
}

func (s *State) applyBulkCancel(m *events.TaskBulkCancelStarted) {
	p := s.pools[events.Pool(m.Pool)]
	if p == nil {
		return
	}
	for t := p.first; t != nil; t = t.next {
		if !matches(t, m.Filter) || t.fate == owesCancel || t.fate == owesDeath {
			continue
		}
		if t.status == waiting && p.match != nil {
			p.match.remove(t)
		}
		t.extras().cancelReason = m.Reason
		p.owe(t, owesCancel)
	}
}
