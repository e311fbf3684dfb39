package placement

import (
	"encoding/binary"
	"hash"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
)

// Hash is equal for equal folded states: it covers what later events and
// decisions can depend on, in a fixed order, and nothing that only the host
// knows. It walks over everything.
func (s *State) Hash() uint64 {
	h := hasher{h: fnv.New64a()}
	h.num(s.next, s.newest, s.aged)
	pools := slices.SortedFunc(slices.Values(s.order), func(a, b *pool) int {
		return strings.Compare(string(a.name), string(b.name))
	})
	for _, p := range pools {
		h.pool(p)
	}
	for _, e := range s.ended.oldest.all() {
		ref := s.ended.byKey[e.key]
		h.text(string(e.key[:]))
		h.num(e.at, e.offset, ref.offset, int64(ref.token))
	}
	for _, key := range s.kept.oldest.all() {
		k := s.kept.tasks[key]
		h.task(k.pool, k.task)
	}
	for _, d := range s.dying.all() {
		h.num(d.offset)
		h.task(d.pool, d.task)
	}
	return h.h.Sum64()
}

type hasher struct{ h hash.Hash64 }

func (h hasher) num(ns ...int64) {
	var b [8]byte
	for _, n := range ns {
		binary.BigEndian.PutUint64(b[:], uint64(n))
		_, _ = h.h.Write(b[:])
	}
}

func (h hasher) text(ss ...string) {
	for _, s := range ss {
		h.num(int64(len(s)))
		_, _ = h.h.Write([]byte(s))
	}
}

func (h hasher) bools(bs ...bool) {
	for _, b := range bs {
		n := int64(0)
		if b {
			n = 1
		}
		h.num(n)
	}
}

func (h hasher) pool(p *pool) {
	h.text(string(p.name))
	h.num(int64(p.seq), int64(p.token), int64(p.cursor), int64(p.waiting), int64(p.running))
	for t := p.first; t != nil; t = t.next {
		h.task(p, t)
	}
	for _, t := range p.owing {
		if !t.ended() && t.fate != none {
			h.text(t.id)
		}
	}
	for _, e := range p.known {
		h.engine(e)
	}
	for _, id := range slices.Sorted(maps.Keys(p.drains)) {
		h.text(id, p.drains[id].reason)
		h.num(p.drains[id].offset)
	}
	for _, v := range p.largest {
		h.num(int64(len(v)))
		h.num(v...)
	}
}

func (h hasher) task(p *pool, t *task) {
	m := t.tmpl
	h.text(t.id, m.kind, m.predicate, m.prefer, m.payloadType, m.tenant, string(t.payload), m.retry.finalErrors, t.lastEngine)
	for _, n := range m.shape.needs {
		h.text(p.dims.names[n.dim])
		h.num(n.amount)
	}
	h.num(int64(m.priority), m.scheduleTimeout, m.executionTimeout, int64(m.retry.maxAttempts), m.retry.initialMs,
		m.retry.maxMs, int64(m.retry.multiplier*1000))
	h.num(int64(t.seq), t.acceptedAt, t.notBefore, t.assignedAt, int64(t.token), int64(t.epoch), int64(t.n), int64(t.failures), int64(t.status), int64(t.fate))
	h.bools(t.started, t.ran, t.reported, t.engine != nil)
	h.text(t.lastErr.GetCode(), t.lastErr.GetMessage())
	if x := t.extra; x != nil {
		h.text(x.traceparent, x.tracestate, x.replayOf, x.cancelReason)
	}
}

func (h hasher) engine(e *engine) {
	h.text(e.id, e.incarnation, e.class.key, e.reason)
	h.num(int64(e.index), int64(e.status), e.registeredAt, e.changedAtMs, int64(e.attempts))
	h.num(e.free...)
	h.bools(e.leaving)
	for t := e.first; t != nil; t = t.attemptNext {
		h.text(t.id)
	}
}
