package client

import (
	"context"

	"github.com/spanway/spanway/pkg/events"
)

// ImportPool hands over a part of what the scheduler of another site has of a pool, and tells
// how many of its tasks are known here and left out. It counts once PromotePool names it. The error is *Refused with NOT_WHOLE if the part does not follow
// the one before, and with UNKNOWN_FIELD while the log is kept at a fold version that has no
// imports.
func (c *Client) ImportPool(ctx context.Context, m *events.PoolImportRequested) (known uint32, err error) {
	l, err := c.decide(ctx, orDefault(events.Pool(m.Pool)), m, func(l events.Logged) bool {
		e, ok := l.Message.(*events.PoolImported)
		return ok && e.Pool == m.Pool && e.Part.GetImportId() == m.ImportId && e.Part.GetNumber() == m.Number
	})
	done, _ := l.Message.(*events.PoolImported)
	return done.GetKnown(), wrap(err, "import part %d of %q into pool %q", m.Number, m.ImportId, orDefault(events.Pool(m.Pool)))
}

// PromotePool makes what was imported tasks of the pool, and tells what came; nil if that was
// done before. The error is *Refused with NOT_WHOLE if the import is not, and with IN_USE
// if the pool was imported from there before, or a task was submitted here meanwhile.
func (c *Client) PromotePool(ctx context.Context, m *events.PoolPromoteRequested) (*events.PoolPromoted, error) {
	l, err := c.decide(ctx, orDefault(events.Pool(m.Pool)), m, func(l events.Logged) bool {
		e, ok := l.Message.(*events.PoolPromoted)
		return ok && e.Pool == m.Pool && e.ImportId == m.ImportId
	})
	done, _ := l.Message.(*events.PoolPromoted)
	return done, wrap(err, "promote pool %q", orDefault(events.Pool(m.Pool)))
}

// ReplacePool gives a pool up to another site: nothing of it is placed here from then on, and
// commands are refused with REPLACED. That it was given up before changes nothing.
func (c *Client) ReplacePool(ctx context.Context, pool events.Pool, reason string) error {
	m := &events.PoolReplaceRequested{Pool: string(orDefault(pool)), Reason: reason}
	_, err := c.decide(ctx, orDefault(pool), m, func(l events.Logged) bool {
		e, ok := l.Message.(*events.PoolReplaced)
		return ok && e.Pool == m.Pool
	})
	return wrap(err, "give up pool %q", orDefault(pool))
}
