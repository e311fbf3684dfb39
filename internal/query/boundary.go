package query

import (
	"context"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// lookBackFirst is how many records boundary looks at first.
const lookBackFirst = 512

// boundary returns where a reader may begin so that it can judge all from an
// offset on: the last batch at or before it that landed where its writer
// expected, else the start of the log.
func boundary(ctx context.Context, log eventlog.Log, start, at int64) (int64, error) {
	for back := int64(lookBackFirst); ; back *= 8 {
		from := max(start, at-back)
		found, err := lastAnchor(ctx, log, from, at)
		if err != nil || found >= 0 {
			return found, err
		}
		if from == start {
			return start, nil
		}
	}
}

// lastAnchor looks for such a batch from one offset to another; -1 if there is none.
func lastAnchor(ctx context.Context, log eventlog.Log, from, to int64) (int64, error) {
	found := int64(-1)
	for next := from; next <= to; {
		page, err := log.Fetch(ctx, next, 0)
		if err != nil {
			return found, err
		}
		for i := range page.Records {
			r := &page.Records[i]
			v, first := r.Header(events.HeaderLog)
			if !first || r.Offset < next || r.Offset > to {
				continue
			}
			if h, err := eventlog.ParseHeader(v); err == nil && h.At == r.Offset {
				found = r.Offset
			}
		}
		if page.Next == next {
			break // The end of the log.
		}
		next = page.Next
	}
	return found, nil
}
