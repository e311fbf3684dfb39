package eventlog

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// NewReaderBehind returns a reader that goes on from an offset which the log holds,
// and judges as one that has read what is before: it begins at a batch further back
// that landed where its writer expected, and judges up to the offset without a visit.
// Where the offset is inside a batch, that batch is visited whole once its end is
// read. If nothing before it tells, because the log begins there, the reader is one
// of NewReaderAt: a log is truncated where a batch begins that tells. ErrHidden: not
// all that is before the offset is shown; try again.
func NewReaderBehind(ctx context.Context, log Log, topic string, partition int32, at int64) (*Reader, error) {
	start, _, err := Bounds(ctx, log)
	if err != nil {
		return nil, err
	}
	for back := int64(firstBack); ; back *= 16 {
		from := max(start, at-back)
		r := NewReaderAt(log, topic, partition, from)
		for r.next < at {
			before := r.next
			if err := r.pollTo(ctx, at); err != nil {
				return nil, fmt.Errorf("judge %s/%d from %d to %d: %w", topic, partition, from, at, err)
			}
			if r.next == before { // To leave out what is to come would be to judge otherwise.
				return nil, fmt.Errorf("judge %s/%d from %d to %d: at %d: %w", topic, partition, from, at, r.next, ErrHidden)
			}
		}
		if !r.judge.Unanchored || from <= start {
			return r, nil
		}
	}
}

// firstBack is how far back, in records, a batch is looked for that tells the history:
// nearly every batch does.
const firstBack = 256

// Take judges a page that was read from Next, and visits what counts.
func (r *Reader) Take(page events.Page, visit Visit) { r.take(page, visit) }
