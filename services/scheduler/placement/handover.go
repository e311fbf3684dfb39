package placement

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

// Handover is how a pool is handed over to the scheduler of another site.
type Handover struct {
	Pool events.Pool
	// ID of the import; Of is the place up to which the log was read.
	ID, Of, Reason string
	// Bytes is about how much a part has at most.
	Bytes int
	// Event reads the event of the log at an offset: payloads stand there.
	Event func(offset int64) (proto.Message, error)
	// Send gets each part, in their order.
	Send func(*events.PoolImportRequested) error
}

// HandOver gives what a scheduler that takes over a pool imports, and then the promotion that
// names it. Attempts that have not ended are lost with the site, and cost an attempt.
func (s *State) HandOver(h Handover) (*events.PoolPromoteRequested, error) {
	then := &events.PoolPromoteRequested{
		Pool: string(h.Pool), Reason: h.Reason, ImportId: h.ID, Of: h.Of, Token: s.tokens,
	}
	parts := parting{Handover: h}
	parts.begin()
	for _, e := range s.ended.oldest.all() {
		if err := parts.ended(e); err != nil {
			return nil, err
		}
	}
	if p := s.pools[h.Pool]; p != nil {
		then.Token, then.Settings = max(p.token, s.tokens), p.settings
		for t := p.first; t != nil; t = t.next {
			x, err := h.task(p, t)
			if err == nil {
				err = parts.task(x)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	err := h.Send(parts.part)
	then.Parts = parts.part.Number + 1
	return then, err
}

// task is a task as it is handed over.
func (h *Handover) task(p *pool, t *task) (*events.PoolImportedTask, error) {
	in := t.message(p)
	var out events.Outgoing
	if t.complete(&out, in); out.Complete != nil {
		m, err := h.Event(out.Missing)
		if err == nil {
			err = out.Complete(m)
		}
		if err != nil {
			return nil, fmt.Errorf("read the payload of task %q at offset %d: %w", t.id, out.Missing, err)
		}
	}
	x := &events.PoolImportedTask{
		Task: in, AcceptedAtMs: t.acceptedAt, Failures: t.failures, Token: t.token, EngineId: t.lastEngine, Ran: t.ran,
		NotBeforeMs: t.notBefore, Error: t.lastErr, Cancelled: t.fate == owesCancel,
	}
	if x.Cancelled {
		x.Reason = t.extra.cancelReason
	}
	if t.status == assigned {
		x.Failures++
		x.EngineId = t.engine.id
		x.Error = &events.TaskError{Code: codeEngineLost, Message: "engine " + t.engine.id + ": its site is lost"}
	}
	return x, nil
}

// parting makes parts.
type parting struct {
	Handover
	part *events.PoolImportRequested
	// size of the part; roots of its tasks.
	size  int
	roots map[string]bool
}

func (p *parting) begin() {
	number := uint32(0)
	if p.part != nil {
		number = p.part.Number + 1
	}
	p.part = &events.PoolImportRequested{Pool: string(p.Pool), ImportId: p.ID, Number: number}
	p.size, p.roots = 0, map[string]bool{}
}

// room makes room for so many bytes, if need be in the next part.
func (p *parting) room(bytes int, anew bool) error {
	if anew || p.size > 0 && p.size+bytes > p.Bytes {
		if err := p.Send(p.part); err != nil {
			return err
		}
		p.begin()
	}
	p.size += bytes
	return nil
}

func (p *parting) ended(e endedEntry) error {
	if err := p.room(len(e.key), false); err != nil {
		return err
	}
	if e.succeeded() {
		p.part.Succeeded = append(p.part.Succeeded, e.key[:]...)
	} else {
		p.part.Failed = append(p.part.Failed, e.key[:]...)
	}
	return nil
}

func (p *parting) task(x *events.PoolImportedTask) error {
	root := request.Root(x.Task)
	if err := p.room(proto.Size(x), p.roots[root]); err != nil {
		return err
	}
	p.roots[root] = true
	p.part.Tasks = append(p.part.Tasks, x)
	return nil
}
