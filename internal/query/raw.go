package query

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// tailWait is how long one fetch waits for something to come.
const tailWait = 500 * time.Millisecond

// Record reads the one record at a place.
func (q *Querier) Record(ctx context.Context, at events.Place) (*events.Record, error) {
	page, err := q.logs.Partition(at.Topic, at.Partition).Fetch(ctx, at.Offset, tailWait)
	if eventlog.IsOutOfRange(err) {
		return nil, &client.Refused{Code: "NO_RECORD", Message: err.Error()}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s/%d@%d: %w", at.Topic, at.Partition, at.Offset, err)
	}
	i := slices.IndexFunc(page.Records, func(r events.Record) bool { return r.Offset == at.Offset })
	if i < 0 {
		return nil, &client.Refused{Code: "NO_RECORD", Message: fmt.Sprintf("%s/%d holds no record at %d", at.Topic, at.Partition, at.Offset)}
	}
	return &page.Records[i], nil
}

// Scan gives every record of a partition that was there when it began, in order and
// without judging it. The record must not be kept.
func (q *Querier) Scan(ctx context.Context, topic string, partition int32, see func(*events.Record) error) error {
	start, end, err := q.offsets(ctx, topic, partition)
	if err != nil {
		return err
	}
	log := q.logs.Partition(topic, partition)
	for next := start; next < end; {
		page, err := log.Fetch(ctx, next, tailWait)
		if err != nil {
			return fmt.Errorf("read %s/%d@%d: %w", topic, partition, next, err)
		}
		for i := range page.Records {
			if r := &page.Records[i]; r.Offset >= next {
				if err := see(r); err != nil {
					return err
				}
			}
		}
		if next = page.Next; page.End < end {
			if end, err = eventlog.Reachable(ctx, log, end); err != nil {
				return fmt.Errorf("read %s/%d@%d: %w", topic, partition, next, err)
			}
		}
	}
	return nil
}
