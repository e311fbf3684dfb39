package spaces

import (
	"github.com/spanway/spanway/pkg/events"
)

// grant decides on a grant that stands alone.
func (w *world) grant(m *events.IdsRangeGranted, at int64) events.Code {
	s := w.space(m.Space)
	if s == nil {
		return w.judge.refused(m, at, events.CodeUnknownSpace, nil)
	}
	if code, by := s.wrong(m); code != "" {
		if code == events.CodeAlreadyGranted {
			return code
		}
		return w.judge.refused(m, at, code, by)
	}
	w.take(s, m, at)
	return ""
}

// grantAll decides on grants that stand together: if anything is wrong with one of them,
// none is granted.
func (w *world) grantAll(m *events.IdsRangesGranted, at int64) events.Code {
	s, code := w.space(m.Space), events.Code("")
	by, fault := (*hold)(nil), -1
	switch {
	case s == nil:
		code = events.CodeUnknownSpace
	case !inOrder(m.Grants):
		code = events.CodeBadData
	default:
		for i := 0; i < len(m.Grants) && code == ""; i++ {
			code, by = s.wrong(m.Grants[i])
			fault = i
		}
	}
	for i, g := range m.Grants {
		switch {
		case g == nil:
			continue
		case code == "":
			g.Space = m.Space
			w.take(s, g, at)
		case code != events.CodeAlreadyGranted:
			g.Space = m.Space
			if by != nil && i != fault {
				_ = w.judge.refused(g, at, code, beside)
				continue
			}
			_ = w.judge.refused(g, at, code, by)
		}
	}
	return code
}

// beside is in the way of grants that stand together with one which is refused.
var beside = &hold{of: &ask{at: ofAnother}}

// ofAnother is what is noted instead of an offset: another grant of the record is refused.
const ofAnother = -2

// inOrder tells whether grants may stand together at all.
func inOrder(all []*events.IdsRangeGranted) bool {
	ids := map[string]bool{}
	for i, g := range all {
		switch {
		case g == nil || ids[g.RequestId] || g.From < 0 || g.To < g.From, i > 0 && all[i-1].To >= g.From:
			return false
		}
		ids[g.RequestId] = true
	}
	return len(all) > 0 && len(all) <= mostTogether
}

// mostTogether is how many grants one record may have.
const mostTogether = 512

// wrong is what is wrong with a grant of the space, and what is in its way.
func (s *space) wrong(m *events.IdsRangeGranted) (events.Code, *hold) {
	if events.CheckID("", m.RequestId) != nil || events.CheckOptionalID("", m.Owner) != nil || m.LeaseMs < 0 ||
		m.LeaseMs > longest || m.From < 0 || m.From > m.To {
		return events.CodeBadData, nil
	}
	if a := s.asks[m.RequestId]; a != nil {
		switch {
		case a.owner != m.Owner || a.lease != m.LeaseMs || a.reserved != m.Reserved || a.to-a.from != m.To-m.From || a.reserved && a.from != m.From:
			return events.CodeRequestMismatch, nil
		case a.live == 0:
			return events.CodeGrantEnded, nil
		}
		return events.CodeAlreadyGranted, nil
	}
	switch {
	case m.From < s.from || m.To > s.to:
		return events.CodeOutOfBounds, nil
	case m.To-m.From+1 > s.max:
		return events.CodeBadCount, nil
	}
	if h := s.conflict(m.From, m.To); h != nil {
		return events.CodeRangeTaken, h
	}
	return "", nil
}

// take takes in a grant that nothing is wrong with.
func (w *world) take(s *space, m *events.IdsRangeGranted, at int64) {
	a := &ask{space: s, id: m.RequestId, owner: m.Owner, from: m.From, to: m.To, lease: m.LeaseMs, reserved: m.Reserved, at: at}
	a.before = s.counted(m.From, m.To)
	s.asks[a.id] = a
	s.add(&hold{from: a.from, to: a.to, of: a, since: at})
	w.lease(a, m.LeaseMs)
	w.judge.granted(a)
}
