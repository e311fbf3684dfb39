package scheduler

import (
	"context"
	"errors"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// chunk is what one fetch brought, decoded.
type chunk struct {
	inputs []events.Input
	next   int64
	bytes  int
	// end is where the partition ended when it was asked at asOf (milliseconds).
	end, asOf int64
	err       error
}

// pump reads one input partition ahead of the owner's loop and prepares its
// records outside of it.
type pump struct {
	at      eventlog.TopicPartition
	log     eventlog.Log
	prepare func(topic string, partition int32, rec *events.Record) any
	// now is the owner's own clock, so that the two can be compared.
	now func() time.Time
	// gone, if set, is told that what was still to be read was deleted, or that
	// what was read is lost, and where it goes on.
	gone func(at eventlog.TopicPartition, from, next int64)
	// read, if set, is told of each page what it leaves.
	read   func(kept int64, age time.Duration)
	chunks chan chunk
	cancel context.CancelFunc
	done   chan struct{}
}

const (
	// pumpAhead bounds what one pump holds: chunks of at most a fetch each.
	pumpAhead = 4
	// longPoll is short because silence is known only when a fetch returns, and
	// a lease ends by known silence.
	longPoll = 200 * time.Millisecond
)

func (p *pump) start(ctx context.Context, from int64) {
	ctx, p.cancel = context.WithCancel(ctx)
	p.chunks = make(chan chunk, pumpAhead)
	p.done = make(chan struct{})
	go p.run(ctx, from)
}

// stop ends the pump and waits for its goroutine.
func (p *pump) stop() {
	if p.cancel != nil {
		p.cancel()
		<-p.done
	}
}

func (p *pump) run(ctx context.Context, from int64) {
	defer close(p.done)
	for {
		c := p.fetch(ctx, from)
		from = c.next
		if len(c.inputs) == 0 && c.err == nil && len(p.chunks) > 0 {
			continue // News of silence is not worth a place in a full queue.
		}
		select {
		case p.chunks <- c:
		case <-ctx.Done():
			return
		}
		if c.err != nil {
			return
		}
	}
}

func (p *pump) fetch(ctx context.Context, from int64) chunk {
	asked := p.now().UnixMilli()
	page, err := p.log.Fetch(ctx, from, longPoll)
	var beyond interface{ OutOfRange() (start, end int64) }
	if errors.As(err, &beyond) {
		// Deleted before it was read, or its tail is lost: what comes behind its end
		// is new, although older records had these offsets.
		if start, end := beyond.OutOfRange(); start > from || end < from {
			next := max(start, min(from, end))
			if p.gone != nil {
				p.gone(p.at, from, next)
			}
			return chunk{next: next}
		}
	}
	if err != nil {
		return chunk{next: from, err: err}
	}
	p.measure(&page, asked)
	c := chunk{next: page.Next, end: page.End, asOf: asked, inputs: make([]events.Input, len(page.Records))}
	for i := range page.Records {
		rec := &page.Records[i]
		c.bytes += rec.Size()
		c.inputs[i] = events.Input{
			Place:    events.Place{Topic: p.at.Topic, Partition: p.at.Partition, Offset: rec.Offset},
			Prepared: p.prepare(p.at.Topic, p.at.Partition, rec),
		}
	}
	return c
}

// measure tells how many records the input keeps, and how old those are that are
// still to be read.
func (p *pump) measure(page *events.Page, now int64) {
	if p.read == nil {
		return
	}
	age := time.Duration(0)
	if n := len(page.Records); n > 0 && page.Next < page.End {
		age = max(0, time.Duration(now-page.Records[n-1].Timestamp)*time.Millisecond)
	}
	p.read(page.End-page.Start, age)
}
