package queue

import (
	"context"
	"fmt"
	"math"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// Trim takes out every entry whose number is through or below, in one record, in a queue whose IDs
// are a sequence; in others the error is ErrBadData. Claimed ones are taken, too: their claims are
// stale then. Numbers up to through are used from then on, also those that were never put in, so
// the next is at least through + 1 (Info.Next). Up to a number that was trimmed before it changes
// nothing, so it can be repeated. reason is for people.
func (q *Queue) Trim(ctx context.Context, through uint64, reason string) error {
	what := fmt.Sprintf("trim through %d", through)
	if through < 1 || through > math.MaxInt64 {
		return &Refused{Queue: q.name, What: what, Code: events.CodeBadData, Detail: fmt.Sprintf("the number is %d; give 1 to %d", through, int64(math.MaxInt64))}
	}
	m := &events.QueueTrimmed{Through: int64(through), Reason: reason, Creation: q.creation, AtMs: q.now()}
	return q.callFor(ctx, what, reason, m, func(core *order.Queue, r *Refused) {
		if core.Rules().IDs != events.QueueIDs_QUEUE_IDS_SEQUENCE {
			r.Detail = "its IDs are no sequence, so that there is no number to trim through; remove entries by their IDs"
		}
	})
}
