package sharedlog

import (
	"context"
	"errors"
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

// forgotten is an error if a record of the call may stand so far below an offset that a fold
// of what is below it has forgotten the verdict. A copy that comes then is refused as
// TOO_LATE, whatever the first one got.
func (c *call) forgotten(at int64) error {
	if at-c.seen <= Horizon {
		return nil
	}
	return fmt.Errorf("it was made at %d and was not waited for up to %d: verdicts are remembered for %d offsets", c.seen, at, Horizon)
}

// Resolve tells what became of a call after an *UnknownError of this host: it makes the
// very same call again, and returns the verdict on whichever of its records stands first.
// Its errors are those of Call. A host keeps 16 MiB of such calls, the newest; and a verdict
// is not known any more once the log has grown by Horizon since the call was made.
func (h *Host) Resolve(ctx context.Context, id CallID) (Verdict, error) {
	w := newWait(nil)
	var known *Verdict
	why := errors.New("it is not known here (any more)")
	err := h.Read(ctx, true, func(Core, Position) {
		if v, ok := h.fold.Verdict(id); ok {
			known = &v
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		c := h.given.take(id)
		if c != nil {
			if err := c.forgotten(h.at.position); err != nil {
				why, c = err, nil
			}
		}
		if c == nil {
			w = nil
			return
		}
		c.done = w.done
		h.enter(c)
	})
	switch {
	case err != nil:
		return Verdict{}, h.unknown(id, err)
	case known != nil:
		return *known, nil
	case w == nil:
		return Verdict{}, h.unknown(id, why)
	}
	return h.await(ctx, id, w)
}
