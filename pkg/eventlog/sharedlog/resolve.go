package sharedlog

import (
	"context"
	"fmt"
)

// givenUpBytes bounds the calls that are kept for Resolve.
const givenUpBytes = 16 << 20

// givenUp are calls that may be in the log and are not waited for: the oldest are
// forgotten.
type givenUp struct {
	order []*call
	bytes int
}

func (g *givenUp) keep(c *call) {
	g.order = append(g.order, c)
	g.bytes += c.size
	for g.bytes > givenUpBytes {
		g.bytes -= g.order[0].size
		g.order[0] = nil
		g.order = g.order[1:]
	}
}

// take removes a call; nil if it was forgotten.
func (g *givenUp) take(id CallID) *call {
	for i, c := range g.order {
		if c.id == id {
			g.order = append(g.order[:i:i], g.order[i+1:]...)
			g.bytes -= c.size
			return c
		}
	}
	return nil
}

// Resolve tells what became of a call after an *UnknownError of this host: it makes the
// very same call again, and returns the verdict on whichever of its records stands first.
// Its errors are those of Call. A host keeps 16 MiB of such calls, the newest.
func (h *Host) Resolve(ctx context.Context, id CallID) (Verdict, error) {
	w := newWait(nil)
	var known *Verdict
	err := h.Read(ctx, true, func(Core, Position) {
		if v, ok := h.fold.Verdict(id); ok {
			known = &v
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if c := h.given.take(id); c != nil {
			c.done = w.done
			h.enter(c)
		} else {
			w = nil
		}
	})
	switch {
	case err != nil:
		return Verdict{}, h.unknown(id, err)
	case known != nil:
		return *known, nil
	case w == nil:
		return Verdict{}, h.unknown(id, fmt.Errorf("it is not known here (any more)"))
	}
	return h.await(ctx, id, w)
}
