package replication

import (
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// table follows a topic of one partition of which the newest record of each key counts.
type table struct {
	cluster *cluster.Cluster
	topic   string
	// set is given each record, of which the value is nil if its key has none any more.
	set func(key string, r *events.Record)
	// clear forgets all: the topic was made anew, or what comes next was deleted.
	clear func()
	anew  bool // it was cleared, and is not whole
}

// lookAgain is how long a fetch waits for something to come.
const lookAgain = time.Second

// read reads the table up to its end as of now. A topic that is missing is empty.
func (t *table) read(ctx context.Context) (log eventlog.Log, next int64, err error) {
	n, err := t.cluster.Kafka().Partitions(ctx, t.topic)
	if err != nil || n == 0 {
		return nil, 0, err
	}
	log = t.cluster.Partition(t.topic, 0)
	next, end, err := t.cluster.Offsets(ctx, t.topic, 0)
	for err == nil && next < end {
		next, err = t.page(ctx, log, next, 0)
	}
	return log, next, err
}

// page reads on.
func (t *table) page(ctx context.Context, log eventlog.Log, from int64, wait time.Duration) (next int64, err error) {
	page, err := log.Fetch(ctx, from, wait)
	if start, _, out := eventlog.OutOfRange(err); out {
		t.clear()
		t.anew = true
		return start, nil
	}
	if err != nil {
		return from, err
	}
	for i := range page.Records {
		t.set(string(page.Records[i].Key), &page.Records[i])
	}
	return page.Next, nil
}

// follow reads the table, and what comes, until ctx ends or something fails. told is called
// once it is whole, and after each page that has records, at most once for each.
func (t *table) follow(ctx context.Context, told func() error) error {
	log, next, err := t.read(ctx)
	if err != nil {
		return t.wrong(err)
	}
	if err := told(); err != nil {
		return err
	}
	for {
		if log == nil { // The topic may come yet.
			if log, next, err = t.appeared(ctx); err != nil {
				return t.wrong(err)
			}
			if err := told(); err != nil {
				return err
			}
			continue
		}
		before := next
		if next, err = t.page(ctx, log, next, lookAgain); err == nil && t.anew {
			t.anew = false
			log, next, err = t.read(ctx) // It is told of once it is whole.
		}
		if err != nil {
			return t.wrong(err)
		}
		if next != before {
			if err := told(); err != nil {
				return err
			}
		}
	}
}

// appeared waits for the topic, and reads it.
func (t *table) appeared(ctx context.Context) (log eventlog.Log, next int64, err error) {
	for log == nil && err == nil {
		if !trouble.Pause(ctx, lookAgain/4) {
			return nil, 0, ctx.Err()
		}
		log, next, err = t.read(ctx)
	}
	return log, next, err
}

func (t *table) wrong(err error) error { return fmt.Errorf("read %s: %w", t.topic, err) }
