package events

import "iter"

// MaxTogether is how many requests for ranges, grants or answers one record has at most.
const MaxTogether = 512

// Each gives the answers, as if each stood alone: what the record says for all of them is
// filled in.
func (m *IdsRangesAnswered) Each() iter.Seq[*IdsAnswered] {
	return func(yield func(*IdsAnswered) bool) {
		for _, a := range m.Answers {
			a.Space, a.AtMs = m.Space, m.AtMs
			if a.Command == "" {
				a.Command = string(TypeIdsRangeRequested)
			}
			if a.Granted != nil {
				a.Granted.Space, a.Granted.RequestId = m.Space, a.RequestId
			}
			if !yield(a) {
				return
			}
		}
	}
}
