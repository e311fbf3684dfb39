package sharedlog

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/telemetry/messaging"
)

// Making is a call that is to be made together with others.
type Making struct {
	// Within has the trace that the call is part of. It bounds nothing.
	Within  context.Context //nolint:containedctx // Each call of a batch has a trace of its own.
	Message proto.Message
	Done    Done
}

// StartAll is Start for calls that are to stand in one batch, as long as that has room for
// them: nothing is appended before all of them can be. It blocks as Start does. Of a call
// that cannot be made its Done is told why, before StartAll returns.
func (h *Host) StartAll(ctx context.Context, all []Making) {
	calls, err := h.begin(all)
	if err == nil {
		calls, err = h.enterAll(ctx, calls, all)
	}
	if err != nil {
		for _, c := range calls {
			c.done(nil, nil, Verdict{}, err)
		}
	}
}

// enterAll encodes calls and enters those that can be encoded, all or none of them.
func (h *Host) enterAll(ctx context.Context, calls []one, all []Making) ([]one, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		seen, begun, err := h.look(ctx)
		if err != nil {
			return calls, err
		}
		h.mu.Unlock()
		calls = h.encodeAll(calls, seen, all)
		h.mu.Lock()
		if h.still(begun) {
			break
		}
	}
	for _, c := range calls {
		h.enter(c.call)
	}
	return calls, nil
}

// one is a call, and which of those that are to be made it is.
type one struct {
	*call
	of int
}

// begin gives each call its ID.
func (h *Host) begin(all []Making) (calls []one, err error) {
	calls = make([]one, len(all))
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range all {
		c := &call{message: all[i].Message, done: all[i].Done}
		calls[i] = one{c, i}
		if _, failed := io.ReadFull(h.random, c.id[:]); failed != nil && err == nil {
			err = fmt.Errorf("make a call to %s/%d: make its ID: %w", h.cfg.Topic, h.cfg.Partition, failed)
		}
	}
	return calls, err
}

// encodeAll encodes calls. Those that cannot be are told why, and not returned.
func (h *Host) encodeAll(calls []one, seen int64, all []Making) (rest []one) {
	rest = calls[:0]
	for _, c := range calls {
		if err := h.encode(c.call, seen, messaging.Inject(all[c.of].Within)); err != nil {
			c.done(nil, nil, Verdict{}, err)
			continue
		}
		rest = append(rest, c)
	}
	return rest
}
