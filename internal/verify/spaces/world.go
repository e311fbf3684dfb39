package spaces

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// world is what a whole log says, by the rule.
type world struct {
	judge  *Partition
	spaces map[string]*space
	now    int64
	// begun are the leases and rests that run; waiting are those that begin with the
	// next move of the time.
	begun   dues
	waiting []*due
	rooms   rooms
}

func newWorld(p *Partition) *world {
	return &world{judge: p, spaces: map[string]*space{}, rooms: rooms{moments: map[string][]moment{}}}
}

// due is the end of a lease or of a rest.
type due struct {
	at   int64 // before it has begun: how long it is
	hold *hold // that rests, or
	ask  *ask  // whose lease ends
	nth  int   // lease of it
	from int64 // the offset of the record that it is of
}

type dues []*due

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i].before(d[j]) }
func (d dues) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }

// Push implements heap.Interface.
func (d *dues) Push(x any) {
	if one, ok := x.(*due); ok {
		*d = append(*d, one)
	}
}

// Pop implements heap.Interface.
func (d *dues) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

func (d *due) before(o *due) bool {
	return cmp.Or(cmp.Compare(d.at, o.at), cmp.Compare(d.from, o.from), cmp.Compare(d.space().name, o.space().name), cmp.Compare(d.first(), o.first())) < 0
}

func (d *due) space() *space {
	if d.hold != nil {
		return d.hold.of.space
	}
	return d.ask.space
}

func (d *due) first() int64 {
	if d.hold != nil {
		return d.hold.from
	}
	return d.ask.from
}

// Decide implements calls.Contents.
func (w *world) Decide(at int64, m proto.Message) (code events.Code) {
	switch m := m.(type) {
	case *events.IdsSpaceDeclared:
		code = w.declare(m)
	case *events.IdsSpaceGrown:
		code = w.grow(m)
	case *events.IdsSpaceDeleted:
		code = w.delete(m, at)
	case *events.IdsRangeGranted:
		code = w.grant(m, at)
	case *events.IdsRangesGranted:
		code = w.grantAll(m, at)
	case *events.IdsGrantRenewed:
		code = w.renew(m, at)
	case *events.IdsRangeReleased:
		code = w.release(m, at)
	case *events.IdsAnswered:
		w.answered(m, at)
		return ""
	case *events.IdsRangesAnswered:
		for a := range m.Each() {
			w.answered(a, at)
		}
		return ""
	default:
		code = events.CodeBadData
	}
	w.judge.decided(at, code)
	if of, ok := m.(interface{ GetSpace() string }); ok && code == "" {
		w.rooms.note(of.GetSpace(), w.space(of.GetSpace()), at)
	}
	return code
}

func (w *world) answered(m *events.IdsAnswered, at int64) {
	w.judge.answered(m, at)
	w.told(m, at)
	w.toldEnd(m, at)
}

// space returns one that was not deleted.
func (w *world) space(name string) *space {
	if s := w.spaces[name]; s != nil && !s.deleted {
		return s
	}
	return nil
}

func (w *world) declare(m *events.IdsSpaceDeclared) events.Code {
	if !sound(m) {
		return events.CodeBadData
	}
	s := w.spaces[m.Space]
	if s == nil {
		s = &space{name: m.Space, from: m.From, to: m.To, asks: map[string]*ask{}}
		w.spaces[m.Space] = s
		w.judge.report.Spaces++
	}
	same := m.From == s.from && m.To == s.to && m.QuarantineMs == s.quarantine && m.MaxCount == s.max
	narrower := m.From > s.from || m.To < s.to
	switch {
	case s.max > 0 && !s.deleted && m.Create && !same:
		return events.CodeSpaceExists
	case narrower && s.deleted:
		return events.CodeRangeTaken
	case narrower:
		return events.CodeOutOfBounds
	}
	s.bounds(m.From, m.To)
	s.quarantine, s.max, s.deleted = m.QuarantineMs, m.MaxCount, false
	return ""
}

func (w *world) grow(m *events.IdsSpaceGrown) events.Code {
	s := w.space(m.Space)
	switch {
	case s == nil:
		return events.CodeUnknownSpace
	case m.To < s.to || m.To > lastIdentifier:
		return events.CodeOutOfBounds
	}
	s.bounds(s.from, m.To)
	return ""
}

func (w *world) delete(m *events.IdsSpaceDeleted, at int64) events.Code {
	s := w.space(m.Space)
	if s == nil {
		return events.CodeUnknownSpace
	}
	held := slices.DeleteFunc(slices.Collect(maps.Values(s.asks)), func(a *ask) bool { return a.live == 0 })
	if len(held) > 0 && !m.Force {
		return events.CodeSpaceHeld
	}
	slices.SortFunc(held, func(a, b *ask) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.from, b.from)) })
	for _, a := range held {
		w.giveBack(a, a.from, a.to, at)
	}
	s.deleted = true
	w.forget(s)
	return ""
}

// forget ends a deleted space of which nothing rests.
func (w *world) forget(s *space) {
	if s.deleted && len(s.taken) == 0 {
		delete(w.spaces, s.name)
	}
}

// lease begins one anew.
func (w *world) lease(a *ask, ms int64) {
	if a.leases++; ms > 0 {
		w.waiting = append(w.waiting, &due{at: ms, ask: a, nth: a.leases, from: a.at})
	}
}

func (w *world) held(space, id, owner string, force bool) (*ask, events.Code) {
	s := w.space(space)
	if s == nil {
		return nil, events.CodeUnknownSpace
	}
	a := s.asks[id]
	switch {
	case a == nil:
		return nil, events.CodeUnknownGrant
	case a.owner != owner && !force:
		return nil, events.CodeNotOwner
	case a.live == 0:
		return nil, events.CodeGrantEnded
	}
	return a, ""
}

func (w *world) renew(m *events.IdsGrantRenewed, _ int64) events.Code {
	a, code := w.held(m.Space, m.RequestId, m.Owner, false)
	if code == "" && (m.LeaseMs < 0 || m.LeaseMs > longest) {
		code = events.CodeBadData
	}
	if code == "" {
		w.lease(a, m.LeaseMs)
	}
	return code
}

func (w *world) release(m *events.IdsRangeReleased, at int64) events.Code {
	a, code := w.held(m.Space, m.RequestId, m.Owner, m.Force)
	if code != "" {
		return code
	}
	from, to := m.From, m.To
	switch {
	case m.Whole && (from != 0 || to != 0), !m.Whole && from > to:
		return events.CodeBadData
	case m.Whole:
		from, to = a.from, a.to
	case from < a.from || to > a.to:
		return events.CodeOutOfBounds
	default:
		i := a.space.conflict(from, to)
		if i == nil || i.of != a || i.resting || i.from > from || i.to < to {
			return events.CodeGrantEnded
		}
	}
	w.giveBack(a, from, to, at)
	return ""
}

// giveBack has what a request ID holds of a range rest.
func (w *world) giveBack(a *ask, from, to, at int64) {
	s := a.space
	first := from
	if i := s.at(from); i > 0 && s.taken[i-1].to >= from {
		first = s.taken[i-1].from
	}
	for _, h := range s.of(a, first, to) {
		s.remove(h)
		if h.from < from {
			s.add(&hold{from: h.from, to: from - 1, of: a, since: h.since})
		}
		if h.to > to {
			s.add(&hold{from: to + 1, to: h.to, of: a, since: h.since})
		}
		if s.quarantine > 0 {
			r := &hold{from: max(from, h.from), to: min(to, h.to), of: a, resting: true, since: at}
			s.add(r)
			w.waiting = append(w.waiting, &due{at: s.quarantine, hold: r, from: at})
		}
	}
	if a.live == 0 && a.ended == 0 {
		a.ended = at
	}
	w.over(a)
}

// over remembers a request ID for a while when nothing of its grant is live or rests.
func (w *world) over(a *ask) {
	if a.live == 0 {
		a.leases++ // Its lease is void.
	}
	if a.live > 0 || a.resting > 0 {
		return
	}
	s := a.space
	if s.over = append(s.over, a.id); len(s.over) > maxOver {
		delete(s.asks, s.over[0])
		s.over = s.over[1:]
	}
}

// toldEnd holds where a requester was told that a grant has ended against the log. A request
// ID that was forgotten and granted anew behind that place is not judged.
func (w *world) toldEnd(m *events.IdsAnswered, at int64) {
	s := w.space(m.Space)
	if m.Ended == 0 || s == nil {
		return
	}
	if a := s.asks[m.RequestId]; a != nil && a.at < m.Ended && a.ended != m.Ended {
		w.judge.Find("G9", at, "the answer to %q tells that its grant ended at %d; the log says %d (0: it has not)", m.RequestId, m.Ended, a.ended)
	}
}

// Pass implements calls.Contents.
func (w *world) Pass(now, at int64) {
	w.now = now
	w.begin()
	for len(w.begun) > 0 && w.begun[0].at <= now {
		d, _ := heap.Pop(&w.begun).(*due)
		switch {
		case d.hold != nil:
			s := d.space()
			s.remove(d.hold)
			w.over(d.hold.of)
			w.forget(s)
		case d.nth == d.ask.leases:
			w.giveBack(d.ask, d.ask.from, d.ask.to, at)
		}
		w.rooms.note(d.space().name, w.space(d.space().name), at)
	}
	w.begin() // The rests of the leases that ended.
}

func (w *world) begin() {
	for _, d := range w.waiting {
		d.at += w.now
		heap.Push(&w.begun, d)
	}
	w.waiting = w.waiting[:0]
}
