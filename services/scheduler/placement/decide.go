package placement

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

// Decide turns one input into events. Its value must come from a Preparer.
func (s *State) Decide(in events.Input[*Prepared], now events.Clock, emit func(proto.Message)) {
	if s.err != nil {
		return
	}
	c := s.cycle(now, emit)
	c.at = in.Place
	prep := in.Value
	if prep == nil {
		return
	}
	c.raise() // What waited since before the first Advance may ask for what is new.
	if prep.refused != nil {
		if !s.tenure.repeats(prep.beat) {
			c.reject(prep, prep.refused)
		}
		return
	}
	if prep.forwardTo >= 0 {
		c.emit(&events.TaskForwarded{
			TaskId: prep.taskID, Pool: string(prep.pool), Partition: prep.forwardTo, Raw: prep.raw,
			Source: c.source(), AtMs: c.now.Now,
		})
		return
	}
	refused := once(in)
	if refused == nil {
		refused = c.decide(prep)
	}
	if refused != nil {
		c.reject(prep, refused)
	}
	s.deciding = attempt{}
}

// once refuses what may have been decided before and must not be twice. The same task
// may be requested, and cancelled, any number of times; of the others the last counts.
func once(in events.Input[*Prepared]) *events.Malformed {
	if !in.Again {
		return nil
	}
	switch m := in.Value.message.(type) {
	case *events.TaskRetryRequested:
	case *events.TaskCancelRequested:
		if m.Filter == nil {
			return nil
		}
	case *events.TaskRequested:
		if m.ReplayOf == "" {
			return nil
		}
	default:
		return nil
	}
	return events.Refuse(events.CodeMaybeDecided,
		"its input lost its tail and is read again, so this may have been done before; send it again if it was not")
}

func (c *cycle) source() *events.Source {
	return &events.Source{Topic: c.at.Topic, Partition: c.at.Partition, Offset: c.at.Offset}
}

func (c *cycle) reject(prep *Prepared, why *events.Malformed) {
	c.emit(&events.TaskRejected{
		TaskId: prep.taskID, Pool: string(prep.pool), Code: string(why.Code), Message: printable(why.Message, maxMessageBytes),
		Source: c.source(), RequestType: string(prep.typ), Raw: prep.poison, AtMs: c.now.Now,
	})
}

// What texts of others may take in an event, in bytes.
const (
	maxMessageBytes = 2 << 10
	maxReasonBytes  = 256
)

// printable makes text fit for an event: valid, not longer than limit, cut
// between characters, and nothing in it that JSON would have to spell out.
func printable(text string, limit int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) > limit {
		for limit > 0 && !utf8.RuneStart(text[limit]) {
			limit--
		}
		text = text[:limit]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

func (c *cycle) decide(prep *Prepared) *events.Malformed {
	switch prep.message.(type) {
	case *events.TaskRequested, *events.TaskCancelRequested, *events.TaskRetryRequested, *events.PoolConfigureRequested:
		if refused := c.elsewhere(prep.pool); refused != nil {
			return refused
		}
	}
	switch m := prep.message.(type) {
	case *events.TaskRequested:
		return c.request(prep)
	case *events.AttemptFinished:
		c.finished(prep.pool, m)
	case *events.EngineHeartbeat:
		c.heartbeat(prep.pool, m)
	case *events.AttemptStarted:
		if p, t := c.s.reported(prep.pool, m); t != nil && !t.started {
			c.s.deciding = attempt{p, t}
			c.emit(&events.TaskStarted{
				TaskId: t.id, Pool: string(p.name), EngineId: t.engine.id, Attempt: t.attempt(), Token: t.token, AtMs: c.now.Now,
			})
		}
	case *events.AttemptProgressed:
		if p, t := c.s.reported(prep.pool, m); t != nil {
			c.s.deciding = attempt{p, t}
			c.emit(&events.TaskProgressed{
				TaskId: t.id, Pool: string(p.name), EngineId: t.engine.id, Attempt: t.attempt(), Token: t.token,
				Data: m.Data, DataType: m.DataType, AtMs: c.now.Now,
			})
		}
	case *events.EngineRegistration:
		c.register(prep, m)
	case *events.EngineLeaving:
		c.leaving(prep.pool, m)
	case *events.TaskCancelRequested:
		return c.cancelRequested(prep.pool, m)
	case *events.TaskRetryRequested:
		return c.retryRequested(prep.pool, m)
	case *events.EngineDrainRequested:
		return c.drain(prep.pool, m)
	case *events.EngineResumeRequested:
		return c.resume(prep.pool, m)
	case *events.PoolConfigureRequested:
		return c.configure(prep.pool, m)
	case *events.PoolImportRequested:
		return c.importPart(prep.pool, m)
	case *events.PoolPromoteRequested:
		return c.promote(prep.pool, m)
	case *events.PoolReplaceRequested:
		return c.replace(prep.pool, m)
	}
	return nil
}

func (c *cycle) request(prep *Prepared) *events.Malformed {
	s, m := c.s, prep.task
	p := s.pools[prep.pool]
	if p != nil && p.tasks[m.Id] != nil {
		c.repeated(prep, -1)
		return nil
	}
	if ref, ok := s.rememberedBy(prep.pool, prep.key); ok {
		c.repeated(prep, ref.offset)
		return nil
	}
	if err := c.admissible(prep); err != nil {
		return malformed(err)
	}
	if p != nil && p.waiting >= s.cfg.WaitingLimit {
		return events.Refuse(events.CodePoolFull, "%d tasks wait in pool %q; submit again when there are fewer", p.waiting, prep.pool)
	}
	if refused := c.checkAfter(p, m); refused != nil {
		return refused
	}
	s.compiled, s.preferred = prep.predicate, prep.prefer
	defer func() { s.compiled, s.preferred = nil, nil }()
	if m.ReplayOf != "" {
		return c.again(prep.pool, m)
	}
	c.emit(&events.TaskAccepted{Task: m, AtMs: c.now.Now})
	return nil
}

// admissible refuses what depends on the log's version and the time.
func (c *cycle) admissible(prep *Prepared) error {
	m := prep.task
	if err := c.s.supports(m); err != nil {
		return err
	}
	if err := request.CheckAhead(m, c.now.Now); err != nil {
		return err
	}
	return c.s.since("an attribute of the predicate", prep.predicate != nil && prep.predicate.Reads().New())
}

func (c *cycle) repeated(prep *Prepared, endedAt int64) {
	c.emit(&events.TaskRepeated{
		TaskId: prep.taskID, Pool: string(prep.pool), EndedAtOffset: endedAt, Source: c.source(), AtMs: c.now.Now,
	})
}

func (c *cycle) cancelRequested(name events.Pool, m *events.TaskCancelRequested) *events.Malformed {
	s := c.s
	p := s.pools[name]
	if m.Filter != nil {
		matched := int64(0)
		if p != nil {
			for t := p.first; t != nil; t = t.next {
				if matches(t, m.Filter) && t.fate != owesCancel && t.fate != owesDeath {
					matched++
				}
			}
		}
		c.emit(&events.TaskBulkCancelStarted{
			Pool: string(name), Filter: m.Filter, Reason: m.Reason, Matched: matched, AtMs: c.now.Now,
		})
		return nil
	}
	if p != nil {
		if t := p.tasks[m.TaskId]; t != nil {
			s.deciding = attempt{p, t}
			c.cancel(p, t, m.Reason)
			return nil
		}
	}
	if ref, ok := s.remembered(name, m.TaskId); ok {
		return events.Refuse(events.CodeAlreadyEnded, "task %q ended at offset %d", m.TaskId, ref.offset)
	}
	return unknownTask(name, m.TaskId)
}

func unknownTask(name events.Pool, id string) *events.Malformed {
	return events.Refuse(events.CodeUnknownTask, "no task %q is known in pool %q; check the ID and the pool", id, name)
}

// matches tells whether a bulk cancel means t.
func matches(t *task, f *events.TaskFilter) bool {
	return (f.GetKind() == "" || f.Kind == t.tmpl.kind) &&
		(f.GetTenant() == "" || f.Tenant == t.tmpl.tenant) &&
		strings.HasPrefix(t.id, f.GetIdPrefix()) &&
		(!f.GetPendingOnly() || t.status == waiting)
}

// retryRequested submits an ended task again, under its first ID and a number,
// unless it was and that retry has not ended.
func (c *cycle) retryRequested(name events.Pool, m *events.TaskRetryRequested) *events.Malformed {
	s := c.s
	if p := s.pools[name]; p != nil && p.tasks[m.TaskId] != nil {
		return events.Refuse(events.CodeNotEnded, "task %q has not ended; cancel it first", m.TaskId)
	}
	old, ok := s.kept.tasks[keyOf(name, m.TaskId)]
	if !ok {
		if _, ended := s.remembered(name, m.TaskId); ended {
			return events.Refuse(events.CodeUnknownTask,
				"the request of task %q is not kept any more, or it succeeded; submit it again under a new ID", m.TaskId)
		}
		return unknownTask(name, m.TaskId)
	}
	again, refused := c.requestAgain(old)
	if refused != nil {
		return refused
	}
	if again.ReplayOf == "" {
		again.ReplayOf = old.task.id
	}
	return c.again(name, again)
}

// again accepts a task as the next free ID.r1, ID.r2, ... of the one that it is a
// replay of, unless the latest of those has not ended.
func (c *cycle) again(name events.Pool, m *events.Task) *events.Malformed {
	s, root := c.s, m.ReplayOf
	live := func(id string) *task {
		if p := s.pools[name]; p != nil {
			return p.tasks[id]
		}
		return nil
	}
	if live(root) != nil {
		return events.Refuse(events.CodeNotEnded, "task %q has not ended; cancel it first", root)
	}
	var latest *task
	for n := 1; ; n++ {
		m.Id = root + ".r" + strconv.Itoa(n)
		t := live(m.Id)
		if _, ended := s.remembered(name, m.Id); !ended && t == nil {
			break
		}
		latest = t
	}
	if latest != nil && latest.extra != nil && latest.extra.replayOf == root { // The command came twice.
		c.emit(&events.TaskRepeated{TaskId: latest.id, Pool: string(name), EndedAtOffset: -1, Source: c.source(), AtMs: c.now.Now})
		return nil
	}
	if len(m.Id) > events.MaxIDBytes {
		return events.Refuse(events.CodeTooLarge, "%q is too long an ID; submit the task again under a new one", m.Id)
	}
	if refused := c.retryAfter(s.pools[name], m); refused != nil {
		return refused
	}
	c.emit(&events.TaskAccepted{Task: m, AtMs: c.now.Now})
	return nil
}
