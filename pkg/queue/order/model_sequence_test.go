package order_test

import (
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// next is the number that the next entry of a sequence has.
func (m *model) next() uint64 { return max(m.last().Number, m.trimmed) + 1 }

func (m *model) last() (s order.Sequence) {
	if len(m.line) > 0 {
		s = m.line[len(m.line)-1]
	}
	return s
}

func (m *model) follows(id order.Sequence) bool {
	return id.Number == m.next() && id.Term >= m.last().Term
}

func (m *model) trim(c *events.QueueTrimmed) bool {
	if !m.sequence || c.Through < 1 {
		return false
	}
	for i := len(m.held) - 1; i >= 0; i-- {
		if id, _ := order.ParseSequence(m.held[i].ID); id.Number <= uint64(c.Through) {
			m.take(i)
		}
	}
	m.trimmed = max(m.trimmed, uint64(c.Through))
	return true
}

// nearby is mostly the next one of the sequence, else one that was before, or is behind a gap.
func (w *world) nearby() order.Sequence {
	id := order.Sequence{Term: max(1, w.m.last().Term), Number: w.m.next()}
	if w.draw(6) == 0 {
		id.Term += uint64(w.draw(3))
	}
	if w.draw(6) == 0 && id.Term > 1 {
		id.Term--
	}
	if w.draw(3) == 0 {
		id.Number = uint64(max(1, int64(id.Number)+2-int64(w.draw(w.ids))))
	}
	return id
}

// held is the ID of an entry that is, of a sequence: others have no next one that is.
func (w *world) held() string {
	if !w.m.sequence || len(w.m.held) == 0 || w.draw(4) == 0 {
		return w.id()
	}
	return w.m.held[w.draw(len(w.m.held))].ID
}
