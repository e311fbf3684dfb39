package queue

import (
	"context"
	"errors"
	"fmt"
)

// Replicate is state machine replication: it calls apply with every entry behind a
// sequence number, once and in the order, and with each that comes, until apply or ctx ends
// it. Every process that applies the same entries to the same state has the same state
// after each. Keep e.Seq with the state, and go on from there after a restart: -1 is the
// beginning.
//
// An entry that is taken out before this process comes to it is not applied here. So take
// out what all processes have applied (those that start anew need a copy of another's
// state), or nothing. The error is a *Diverged if the log has lost what was applied, and
// ErrDeleted once the queue is deleted.
func (q *Queue) Replicate(ctx context.Context, after int64, apply func(e Entry, p Payload) error) error {
	last := Entry{Seq: after}
	for {
		moved := q.moved()
		page, err := q.behind(ctx, last)
		if err != nil {
			return err
		}
		for _, e := range page {
			p, err := q.Payload(ctx, e)
			var gone *Gone
			switch {
			case errors.As(err, &gone): // It was taken out since the page was read.
				continue
			case err != nil:
				return err
			}
			if err := apply(e, p); err != nil {
				return err
			}
			last = e
		}
		if len(page) > 0 {
			continue
		}
		select {
		case <-moved:
		case <-q.ended:
			return q.hostEnded("replicate")
		case <-ctx.Done():
			return fmt.Errorf("replicate queue %s: %w", q.name, ctx.Err())
		}
	}
}

// behind returns the next entries behind the last one that was applied, if the log still
// holds that one as it was.
func (q *Queue) behind(ctx context.Context, last Entry) ([]Entry, error) {
	page, err := q.Entries(ctx, last.Seq-1, MaxPage/10, false)
	if err == nil && page.At.Offset <= last.Seq { // The fold has begun anew, and is on its way.
		page, err = q.Entries(ctx, last.Seq-1, MaxPage/10, true)
	}
	switch {
	case err != nil:
		return nil, err
	case page.At.Offset <= last.Seq:
		return nil, &Diverged{Queue: q.name, Applied: last.Seq, Detail: fmt.Sprintf("it ends at %d", page.At.Offset)}
	case len(page.Entries) == 0 || page.Entries[0].Seq > last.Seq:
		return page.Entries, nil
	case last.ID != "" && page.Entries[0].ID != last.ID:
		return nil, &Diverged{Queue: q.name, Applied: last.Seq, Detail: fmt.Sprintf("%q stands there, and %q did", page.Entries[0].ID, last.ID)}
	}
	return page.Entries[1:], nil
}
