package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// errStranger says that something counts which this owner did not write.
var errStranger = errors.New("an event counts that its owner did not write")

// confirmTail checks, every TailEvery, that the log still ends with this
// owner's last batch, and that nobody has claimed it since. While nothing happens it does
// so less often.
func (t *tenure[I]) confirmTail(ctx context.Context) error {
	if t.clock.Now < t.tailDue() {
		return nil
	}
	t.tailAt, t.quiet = t.clock.Now, true
	page, err := t.Log.Fetch(ctx, t.last.At, 0)
	switch {
	case IsOutOfRange(err):
		return &abandoned{&LostError{Expected: t.reader.next, Found: t.last.At}}
	case err != nil:
		return fmt.Errorf("confirm the tail at %d: %w", t.last.At, err)
	case page.End < t.reader.next || !t.wrote(page):
		return &abandoned{&LostError{Expected: t.reader.next, Found: min(page.End, t.last.At)}}
	}
	stranger := false
	note := func(events.Logged, *events.Record) { stranger = true }
	t.reader.take(page, note)
	if err := t.readThrough(ctx, page.End, note); err != nil {
		return err
	}
	switch {
	case t.reader.judge.Claim != t.claim:
		return fmt.Errorf("confirm the tail at %d: %w", t.last.At, ErrDisowned)
	case stranger:
		return &abandoned{fmt.Errorf("confirm the tail at %d: %w", t.last.At, errStranger)}
	}
	if t.Hooks.Observe != nil {
		t.Hooks.Observe(t.core)
	}
	return t.housekeep()
}

// wrote tells whether the page begins with this owner's last batch.
func (t *tenure[I]) wrote(page events.Page) bool {
	for i := range page.Records {
		r := &page.Records[i]
		if r.Offset < t.last.At {
			continue
		}
		if r.Offset > t.last.At {
			return false
		}
		h, _, err := begin(r)
		if t.last.Hash != 0 {
			return err == nil && h == t.last
		}
		id, _, _ := claimIn(page.Records[i : i+1])
		return err == nil && id == t.claim && h.Epoch == t.last.Epoch
	}
	return false
}
