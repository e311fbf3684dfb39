package watermillkafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// fetchWait is how long a fetch waits for records where there are none.
const fetchWait = 500 * time.Millisecond

// worker reads one partition in one generation and hands its messages out.
type worker struct {
	in        *subscription
	share     *share
	partition int32
	log       *kafka.Partition
	slots     chan struct{} // one in it for each message that is handed out

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
		slots: make(chan struct{}, sh.in.of.config.InFlight),
	}
}

// run hands messages out until ctx ends; one page is read ahead.
func (w *worker) run(ctx context.Context) {
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
			position = start
			if newest {
				position = end
			}
			w.saw(end)
			w.pass(position)
			return position, true
		}
		w.trouble(ctx, "Cannot find where to begin; trying again", err, -1)
	}
	return 0, false
}

// fetch reads pages from position on.
func (w *worker) fetch(ctx context.Context, position int64, pages chan<- events.Page) {
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
			w.trouble(ctx, "Cannot read; trying again", err, position)
			continue
		}
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

// trouble logs what will be tried again, and waits a moment.
func (w *worker) trouble(ctx context.Context, what string, err error, offset int64) {
	if ctx.Err() != nil {
		return
	}
	w.in.of.logger.Error(what, err, w.fields(offset))
	pause(ctx, watchInterval)
}

// pause reports whether ctx lasted that long.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (w *worker) fields(offset int64) watermill.LogFields {
	return w.in.fields().Add(watermill.LogFields{"partition": w.partition, "offset": offset, "generation": w.share.generation})
}
