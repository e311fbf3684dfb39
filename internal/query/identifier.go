package query

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
)

// Identifier is what the log says of one identifier.
type Identifier struct {
	Space string `json:"space"`
	ID    int64  `json:"id"`
	// Range is the range that it is in.
	Range Range `json:"range"`
	// History are the changes of its state, the oldest first, as far as the log has kept
	// them: since the offset KeptFrom, 0 if that is all.
	History  []IdentifierEvent `json:"history"`
	KeptFrom int64             `json:"kept_from"`
	LogMs    int64             `json:"log_ms"`
	AsOf     Position          `json:"as_of"`
}

// IdentifierEvent is a change of the state of an identifier.
type IdentifierEvent struct {
	// Offset and Type are those of the event that made it.
	Offset int64       `json:"offset"`
	Type   events.Type `json:"type"`
	// AtMs is what the event says of the time of day, in milliseconds since the Unix
	// epoch; 0 if it says nothing.
	AtMs int64 `json:"at_ms,omitempty"`
	// State from there on: live, resting or free; empty if the space has ended, or does
	// not have the identifier.
	State     string `json:"state"`
	RequestID string `json:"request_id,omitempty"`
	Owner     string `json:"owner,omitempty"`
}

// Identifier returns who holds an identifier of a space, since which event, and what became
// of it before, as far as the log has kept that. The error is *client.Refused with
// UNKNOWN_SPACE or OUT_OF_BOUNDS.
func (q *Querier) Identifier(ctx context.Context, space string, id int64) (*Identifier, error) {
	h := identifierHistory{space: space, id: id}
	core, done, err := q.foldShared(ctx, events.SpacePartition(space), false, h.begin)
	if err != nil {
		return nil, fmt.Errorf("read the identifier %d of the space %q: %w", id, space, err)
	}
	s := core.Space(space)
	if s == nil {
		return nil, unknownSpace(core, space, done.asOf)
	}
	r, ok := s.At(id)
	if !ok {
		rules := s.Rules()
		return nil, &client.Refused{Code: events.CodeOutOfBounds, Message: fmt.Sprintf("the space %q has the identifiers %d to %d", space, rules.From, rules.To)}
	}
	return &Identifier{
		Space: space, ID: id, Range: done.rangeOf(r), History: h.changes, KeptFrom: h.from, LogMs: done.logMs, AsOf: done.asOf,
	}, nil
}

// identifierHistory notes when the state of an identifier changes.
type identifierHistory struct {
	space   string
	id      int64
	core    *idspace.Core
	from    int64
	last    IdentifierEvent // only its state, request ID and owner
	changes []IdentifierEvent
}

// begin is called with each fold that begins.
func (h *identifierHistory) begin(fold *sharedlog.Fold, core *idspace.Core, at int64) {
	h.core, h.from, h.changes = core, at, []IdentifierEvent{}
	h.last = h.now()
	fold.Decided = h.decided
}

func (h *identifierHistory) now() (e IdentifierEvent) {
	s := h.core.Space(h.space)
	if s == nil {
		return e
	}
	r, ok := s.At(h.id)
	if !ok {
		return e
	}
	e.State = r.State.String()
	if r.Grant != nil {
		e.RequestID, e.Owner = r.Grant.RequestID, r.Grant.Owner
	}
	return e
}

func (h *identifierHistory) decided(c *sharedlog.Call, v sharedlog.Verdict) {
	if !v.Accepted() {
		return
	}
	e := h.now()
	if e == h.last {
		return
	}
	h.last = e
	e.Offset, e.Type = c.Offset, c.Type
	if m, ok := c.Message.(interface{ GetAtMs() int64 }); ok {
		e.AtMs = m.GetAtMs()
	}
	h.changes = append(h.changes, e)
}
