package watermillkafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
)

// fetchWait is how long a fetch waits for records where there are none: what comes ends it.
const fetchWait = 2 * time.Second

// worker reads one partition in one generation and hands its messages out.
type worker struct {
	in        *subscription
	share     *share
	partition int32
	log       *kafka.Partition
	try       *trouble.Try
	slots     chan struct{} // one in it for each message that is handed out
	keys      keys

	mu        sync.Mutex
	window    window
	committed int64     // -1 if nothing is
	end       int64     // of the partition, as last seen
	seen      time.Time // when that was
}

func newWorker(sh *share, partition int32) *worker {
	return &worker{
		in: sh.in, share: sh, partition: partition, committed: -1,
		log:   sh.in.client.Partition(sh.in.topic, partition),
		try:   sh.in.client.Board().New(fmt.Sprintf("hand out %s/%d", sh.in.topic, partition)),
		slots: make(chan struct{}, sh.in.of.config.InFlight),
	}
}

// run hands messages out until ctx ends; one page is read ahead.
func (w *worker) run(ctx context.Context) {
	defer w.try.End()
	position, ok := w.begin(ctx)
	if !ok {
		return
	}
	pages := make(chan events.Page)
	w.share.running.Go(func() { w.fetch(ctx, position, pages) })
	for {
		select {
		case page := <-pages:
			for i := range page.Records {
				if !w.handle(ctx, &page.Records[i]) {
					return
				}
				position = page.Records[i].Offset + 1
			}
			if page.Next != position {
				w.pass(page.Next)
				position = page.Next
			}
		case <-ctx.Done():
			return
		}
	}
}

// begin finds out where to begin. Where the group has nothing committed that is
// progress, too: were it not stored, the next owner would look for the end anew
// and miss what came meanwhile.
func (w *worker) begin(ctx context.Context) (position int64, ok bool) {
	if at, known := w.share.committed[w.partition]; known {
		w.committed = at
		w.pass(at)
		return at, true
	}
	newest := w.in.of.config.Start == Newest && w.partition < w.in.existing
	for ctx.Err() == nil {
		start, end, err := w.in.client.Offsets(ctx, w.in.topic, w.partition)
		if err == nil {
			w.try.Passed()
			position = start
			if newest {
				position = end
			}
			w.saw(end)
			w.pass(position)
			return position, true
		}
		w.again(ctx, fmt.Errorf("find where to begin: %w", err))
	}
	return 0, false
}

// fetch reads pages from position on.
func (w *worker) fetch(ctx context.Context, position int64, pages chan<- events.Page) {
	defer w.try.End()
	for ctx.Err() == nil {
		page, err := w.log.Fetch(ctx, position, fetchWait)
		var outOfRange *kafka.OutOfRange
		switch {
		case errors.As(err, &outOfRange):
			to, ok := w.reposition(outOfRange)
			if !ok {
				return
			}
			page = events.Page{Next: to, End: outOfRange.End}
		case err != nil:
			w.again(ctx, err)
			continue
		}
		w.try.Passed()
		w.saw(page.End)
		if page.Next == position {
			continue // nothing came
		}
		select {
		case pages <- page:
			position = page.Next
		case <-ctx.Done():
		}
	}
}

// reposition applies the policy for an offset that does not exist.
func (w *worker) reposition(at *kafka.OutOfRange) (to int64, ok bool) {
	switch w.in.of.config.OutOfRange {
	case GoOnAtOldest:
		to = at.Start
	case GoOnAtNewest:
		to = at.End
	default:
		w.in.fail(at)
		return 0, false
	}
	w.in.of.logger.Error("Messages were missed, or come again: the offset to go on from does not exist", at, w.fields(at.Offset).Add(
		watermill.LogFields{"go_on_at": to}))
	return to, true
}

// again notes what will be tried again, and waits a moment.
func (w *worker) again(ctx context.Context, err error) {
	if ctx.Err() == nil {
		w.try.Again(ctx, err, watchInterval)
	}
}

func (w *worker) fields(offset int64) watermill.LogFields {
	return w.in.fields().Add(watermill.LogFields{"partition": w.partition, "offset": offset, "generation": w.share.generation})
}
