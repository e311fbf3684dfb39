package placement

import (
	"github.com/spanway/spanway/pkg/events"
)

// Apply folds one event. It depends on nothing but the events before it, and
// ignores what does not fit them: only a broken log has such events.
func (s *State) Apply(l events.Logged) {
	if s.err != nil {
		return
	}
	s.next = l.Offset + 1
	if s.ignores(l.Message) {
		return
	}
	s.passed(l.Message)
	switch m := l.Message.(type) {
	case *events.TaskAccepted:
		s.applyAccepted(m, l.Offset)
	case *events.TaskAssigned:
		s.applyAssigned(m, l)
	case *events.TaskReserved:
		s.applyReserved(m)
	case *events.PoolConfigured:
		s.applyConfigured(m)
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
		s.applyReturned(m.Pool, m.TaskId, m.Token, giving{notReceived: m.Reason == reasonNotReceived, at: moment(m.AtMs)})
	case *events.TaskAssignmentRefused:
		s.applyReturned(m.Pool, m.TaskId, m.Token, giving{refused: true, notBefore: moment(m.AtMs) + refusedPauseMs, at: moment(m.AtMs)})
	case *events.TaskRetryScheduled:
		if p, t := s.live(m.Pool, m.TaskId); t != nil {
			p.settled(t)
			t.notBefore = moment(m.NotBeforeMs)
			p.place(t, moment(m.AtMs))
		}
	case *events.TaskExpired:
		if p, t := s.live(m.Pool, m.TaskId); t != nil {
			s.end(p, t, ending{expired, l.Offset, moment(m.AtMs), false})
		}
	case *events.TaskCancelled:
		if p, t := s.live(m.Pool, m.TaskId); t != nil {
			t.extras().cancelReason = keptReason(m.Reason)
			s.end(p, t, ending{cancelled, l.Offset, moment(m.AtMs), false})
		}
	case *events.TaskDeadLettered:
		if p, t := s.live(m.Pool, m.TaskId); t != nil {
			s.end(p, t, ending{dead, l.Offset, moment(m.AtMs), t.reported})
			t.tmpl.refs++
			s.dying.push(dying{l.Offset, p, t})
		}
	case *events.LogPublished:
		for s.dying.len() > 0 && s.dying.front().offset < m.Through {
			d := s.dying.pop()
			d.pool.dropTemplate(d.task.tmpl)
			if s.version >= foldWhole {
				s.dropPayload(d.task)
			}
		}
	case *events.LogTruncated:
		s.applyTruncated(m)
	case *events.LogLossAccepted:
		s.applyLoss(m, l)
	case *events.LogTailLost:
		s.raiseTokens(m)
	case *events.LogFoldVersionRaised:
		s.applyRaised(m)
	case *events.TaskBulkCancelStarted:
		s.applyBulkCancel(m)
	case *events.PoolImported, *events.PoolPromoted, *events.PoolReplaced:
		s.applyMove(l)
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
	if d := s.deciding; d.task != nil && d.pool == p && d.task.id == id && !d.task.ended() {
		return p, d.task
	}
	return p, p.tasks[id]
}

// running finds the task whose current attempt has that token.
func (s *State) running(poolName, id string, token uint64) (*pool, *task) {
	if p, t := s.recent.find(poolName, id, token); t != nil {
		return p, t
	}
	p, t := s.live(poolName, id)
	if t == nil || t.status != assigned || t.token != token {
		return nil, nil
	}
	return p, t
}

// report is what names the attempt that an engine reports on.
type report interface {
	GetTaskId() string
	GetEngineId() string
	GetIncarnation() string
	GetAttempt() int32
	GetToken() uint64
}

// reported is the task whose current attempt an engine's report is about. The token
// alone would do if tokens were never lost; all that the report names must be right, so
// that a report on what never counted does not pass for another's. Only incarnation and
// attempt may be left out.
func (s *State) reported(in events.Pool, m report) (*pool, *task) {
	p, t := s.running(string(in), m.GetTaskId(), m.GetToken())
	if t == nil || t.engine.id != m.GetEngineId() {
		return nil, nil
	}
	if i := m.GetIncarnation(); i != "" && i != t.engine.incarnation {
		return nil, nil
	}
	if n := m.GetAttempt(); n != 0 && n != t.attempt() {
		return nil, nil
	}
	return p, t
}

func (s *State) applyAccepted(m *events.TaskAccepted, offset int64) {
	in := m.Task
	if in == nil || !foldable(in) {
		return
	}
	p := s.poolOf(events.Pool(in.Pool))
	if p.tasks[in.Id] != nil {
		return
	}
	p.seq++
	t := &task{id: in.Id, tmpl: p.templateOf(in), seq: p.seq, acceptedAt: moment(m.AtMs)}
	s.holdPayload(t, in, offset)
	if in.Traceparent != "" || in.ReplayOf != "" {
		t.extra = &extra{traceparent: in.Traceparent, tracestate: in.Tracestate, replayOf: in.ReplayOf}
	}
	if in.NotBeforeMs != 0 && s.version >= foldWhole {
		at := moment(in.NotBeforeMs)
		t.extras().notBefore, t.notBefore = at, at
	}
	p.enlist(t)
	p.queued(t)
	if s.version >= foldWhole {
		s.depend(p, t, in.After)
	}
	if len(s.kept.rejected) > 0 {
		delete(s.kept.rejected, keyOf(p.name, t.id))
	}
	p.place(t, moment(m.AtMs))
}

// place hands a waiting task to the index, if there is one.
func (p *pool) place(t *task, now int64) {
	if p.match != nil && t.status == waiting && t.fate == none {
		p.match.add(t, now)
	}
}

func (s *State) applyAssigned(m *events.TaskAssigned, l events.Logged) {
	p, t := s.live(m.Pool, m.TaskId)
	if t == nil || t.status != waiting || !s.credible(p, m.Token) {
		return
	}
	e := p.engines[m.EngineId]
	if e == nil || !e.present() {
		return
	}
	if s.version >= foldWhole {
		p.charge(t.tmpl)
	}
	if p.match != nil {
		p.match.remove(t)
	}
	p.unreserve(t)
	p.unqueued(t)
	p.running++
	p.occupy(t.tmpl.limiter)
	p.token = max(p.token, m.Token)
	p.cursor = e.index
	t.status, t.token, t.assignedAt = assigned, m.Token, moment(m.AtMs)
	t.started, t.ran, t.reported, t.notBefore = false, true, false, 0
	t.epoch, t.n = l.Epoch, l.N
	e.reserve(t)
	s.recent.note(p, t)
	if p.match != nil {
		p.match.reserved(e, t)
	}
}

// vacate takes a task off its engine.
func (p *pool) vacate(t *task, at int64) {
	e := t.engine
	e.release(t)
	p.running--
	p.queued(t)
	t.status, t.since = waiting, at
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
	if s.cfg.KeepSucceeded { // For showing only: its payload and result are no part of the state.
		t.extras().result, t.extras().resultType = m.Result, m.ResultType
	}
	s.end(p, t, ending{succeeded, offset, moment(m.AtMs), true})
}

func (s *State) applyStarted(poolName, id string, token uint64) {
	if _, t := s.running(poolName, id, token); t != nil {
		t.started = true
	}
}

func (s *State) applyFailed(m *events.TaskFailed, offset int64) {
	if p, t := s.running(m.Pool, m.TaskId, m.Token); t != nil {
		t.lastErr = keptError(m.Error)
		s.end(p, t, ending{failed, offset, moment(m.AtMs), true})
	}
}

func (s *State) applyAttemptFailed(m *events.TaskAttemptFailed) {
	p, t := s.running(m.Pool, m.TaskId, m.Token)
	if t == nil {
		return
	}
	t.lastErr = keptError(m.Error)
	t.reported = !isBackstop(m)
	owed := t.fate
	p.vacate(t, moment(m.AtMs))
	t.failures++
	switch {
	case owed == owesCancel:
	case t.failures >= t.tmpl.retry.maxAttempts:
		p.owe(t, owesDeath)
	default:
		p.owe(t, owesRetry)
	}
}

// debt is an event that a task owes the log. It is open until that came.
type debt struct {
	task   *task
	number uint32
}

func (d debt) open() bool { return d.task.owed == d.number }

// owe notes that an event about t must follow. Who owes one already keeps its turn.
func (p *pool) owe(t *task, f fate) {
	if t.fate == none {
		p.debts = max(p.debts+1, 1)
		t.owed = p.debts
		p.owing.push(debt{t, t.owed})
		p.owes++
	}
	t.fate = f
}

// settled notes that t owes nothing any more. Who only folds never comes to its
// debt, so those that were met are dropped once they are the most.
func (p *pool) settled(t *task) {
	if t.fate == none {
		return
	}
	t.fate, t.owed = none, 0
	p.owes--
	if p.owing.len() <= 2*p.owes+64 {
		return
	}
	var open fifo[debt]
	for _, d := range p.owing.all() {
		if d.open() {
			open.push(d)
		}
	}
	p.owing = open
}

// refusedPauseMs keeps a task and an engine that refuses it from spinning.
const refusedPauseMs = 1_000

// giving is how an attempt is given back.
type giving struct {
	refused, notReceived bool
	notBefore, at        int64
}

func (s *State) applyReturned(poolName, id string, token uint64, how giving) {
	p, t := s.running(poolName, id, token)
	if t == nil {
		return
	}
	p.vacate(t, how.at)
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

// unlist takes a task out of all that live ones are in.
func (s *State) unlist(p *pool, t *task, at int64) {
	switch t.status {
	case assigned:
		p.vacate(t, at)
	case waiting:
		if p.match != nil {
			p.match.remove(t)
		}
		p.unreserve(t)
	}
	p.unqueued(t)
	p.settled(t)
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
	s.recent.forget(t)
}

func (s *State) end(p *pool, t *task, how ending) {
	s.unlist(p, t, how.at)
	t.status = how.status
	key := keyOf(p.name, t.id)
	entry := endedEntry{key: key, at: s.aged, offset: how.offset}
	if how.reported {
		entry.token = t.token &^ successBit
	}
	if t.status == succeeded {
		entry.token |= successBit
	}
	s.ended.add(entry, s.cfg.EndedWindow)
	p.resolve(t, how.at)
	if t.status == succeeded && !s.cfg.KeepSucceeded {
		s.release(p, t)
		return
	}
	t.extras().endedAt, t.extras().endedOffset = how.at, how.offset
	if t.status == succeeded {
		s.dropPayload(t)
		s.keep(&s.succeeded, key, p, t)
		return
	}
	if t.status != dead && s.version >= foldWhole { // A retry of the first version takes the payload with it.
		s.dropPayload(t)
	}
	s.keep(&s.kept, key, p, t)
}
