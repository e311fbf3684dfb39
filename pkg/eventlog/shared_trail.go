package eventlog

import "context"

// The newest record of a shared log does not show what stands before it: a call that was
// on its way when the log lost its tail is appended again with the same bytes, and may
// come to the same offset behind other records. The history does, of more records than
// can be on their way.

// window is how many offsets of a shared log are read again, at least, to find out whether
// it holds what was read before: more than are in flight at once.
const window = 4096

// restart begins a trail at a reader: nothing before it is compared.
func (t *trail) restart(r *Reader) {
	t.base = anchor{r.next, r.judge.History}
	t.next = t.base
}

// resume goes on from a place that is known by what was read from base on.
func (t *trail) resume(base, at anchor) { t.base, t.next = base, at }

// slide notes how far a shared log was read.
func (t *trail) slide(at anchor) {
	if at.at-t.next.at >= window {
		t.base, t.next = t.next, at
	}
}

// retrace reads a shared log again between two places and tells whether it leads from the
// one history to the other; deleted, if the log does not hold all of it any more.
func retrace(ctx context.Context, log Log, from, to anchor) (finding, error) {
	r := &Reader{log: log, shared: true, next: from.at}
	r.judge.History = from.history
	for r.next < to.at {
		before := r.next
		err := r.pollTo(ctx, to.at)
		start, _, outside := OutOfRange(err)
		switch {
		case outside && start > before:
			return deleted, nil
		case outside:
			return differs, nil
		case err != nil:
			return differs, err
		case r.next == before:
			return differs, ErrHidden
		}
	}
	if r.judge.History != to.history {
		return differs, nil
	}
	return stands, nil
}
