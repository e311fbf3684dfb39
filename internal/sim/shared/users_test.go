package shared

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// use makes the calls of a host's users. Each asks for something that is asked for once:
// at_ms tells which.
func (h *host) use() {
	w := h.world
	if w.Elapsed() > h.usedUntil {
		h.resolve()
		return
	}
	h.asked++
	ask := h.asked
	c := h.make(h.ask(ask))
	if w.Chance(0.5) { // Its user does not wait for long.
		h.process.After(w.Between(50*time.Millisecond, 500*time.Millisecond), func() { h.giveUp(c) })
	}
	if w.Chance(0.1) {
		h.resolve()
	}
}

func (h *host) ask(ask int64) proto.Message {
	w, core := h.world, h.fold.core
	lease := int64(1 + w.Rand.IntN(400))
	var claims []entry
	for _, e := range core.entries {
		if e.token >= 0 {
			claims = append(claims, e)
		}
	}
	switch n := w.Rand.IntN(10); {
	case n < 4 || len(core.entries) == 0:
		return &events.QueueEnqueued{Id: fmt.Sprint(ask), AtMs: ask}
	case n < 6: // Several hosts remove the same one.
		return &events.QueueRemoved{Id: core.entries[w.Rand.IntN(min(2, len(core.entries)))].id, AtMs: ask}
	case n < 8 || len(claims) == 0:
		return &events.QueueClaimed{LeaseMs: lease, AtMs: ask}
	case n < 9:
		return &events.QueueClaimExtended{Token: claims[w.Rand.IntN(len(claims))].token, LeaseMs: lease, AtMs: ask}
	default:
		return &events.QueueDone{Token: claims[w.Rand.IntN(len(claims))].token, AtMs: ask}
	}
}

// askedFor tells which ask of a user a message is; 0: none.
func askedFor(m proto.Message) int64 {
	if _, moved := m.(*events.LogTimePassed); moved {
		return 0
	}
	if at, ok := m.(interface{ GetAtMs() int64 }); ok {
		return at.GetAtMs()
	}
	return 0
}

// intrude appends what strangers write: none of it is a call, or what is cannot be read.
func (s *story) intrude() {
	headers := [][]events.Header{
		nil,
		{{Key: events.HeaderCall, Value: make([]byte, 16)}},
		{{Key: events.HeaderCall, Value: make([]byte, 15)}, {Key: events.HeaderSeen, Value: make([]byte, 8)}},
		{{Key: events.HeaderCall, Value: make([]byte, 16)}, {Key: events.HeaderSeen, Value: make([]byte, 8)}, {Key: events.HeaderSeen, Value: make([]byte, 8)}},
		{{Key: events.HeaderCall, Value: fmt.Appendf(nil, "%015d\x00", s.world.Rand.IntN(3))}, {Key: events.HeaderSeen, Value: fmt.Append(nil, "\xff0000000")}},
	}
	r := events.Record{Timestamp: s.world.Now().UnixMilli(), Value: []byte("?"), Headers: headers[s.world.Rand.IntN(len(headers))]}
	s.append(r)
}
