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
	inputs []events.Input[input]
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
	prepare func(topic string, partition int32, rec *events.Record) input
	// now is the owner's own clock, so that the two can be compared.
	now func() time.Time
	// gone, if set, is told that what was still to be read was deleted, or that
	// what was read is lost, and where the pump goes on.
	gone func(at eventlog.TopicPartition, from, next int64)
	// read, if set, is told of each page what it leaves.
	read func(kept int64, age time.Duration)
	// trail is what was read; it is compared with the input when the term of its
	// pages is another one, and at the start.
	trail  *trail
	term   int64
	sure   bool // that the trail stands in this term
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
	if p.trail == nil {
		p.trail = &trail{}
	}
	from = p.trail.resume(from)
	p.sure = len(p.trail.steps) == 0
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
	next := from
	var beyond interface{ OutOfRange() (start, end int64) }
	if errors.As(err, &beyond) {
		// Deleted before it was read, or its tail is lost: what comes behind its end
		// is new, although older records had these offsets.
		if start, end := beyond.OutOfRange(); start > from || end < from {
			next, err, p.sure = max(start, min(from, end)), nil, false
			p.trail.cut(next)
		}
	}
	if err == nil && (!p.sure || p.term != page.Term) {
		next, err = p.trail.stands(ctx, p.log, next)
		p.sure, p.term = err == nil, page.Term
	}
	switch {
	case errors.Is(err, errHidden):
		return chunk{next: from}
	case err != nil:
		return chunk{next: from, err: err}
	case next != from:
		return p.goOn(from, next)
	}
	p.measure(&page, asked)
	return p.decode(&page, asked)
}

// goOn reads on at another place than behind what was read.
func (p *pump) goOn(from, next int64) chunk {
	if next < from {
		p.trail.wentBack(from, next)
	}
	if p.gone != nil {
		p.gone(p.at, from, next)
	}
	return chunk{next: next}
}

func (p *pump) decode(page *events.Page, asked int64) chunk {
	c := chunk{next: page.Next, end: page.End, asOf: asked, inputs: make([]events.Input[input], len(page.Records))}
	for i := range page.Records {
		rec := &page.Records[i]
		p.trail.add(rec)
		c.bytes += rec.Size()
		c.inputs[i] = events.Input[input]{
			Place: events.Place{Topic: p.at.Topic, Partition: p.at.Partition, Offset: rec.Offset},
			Value: p.prepare(p.at.Topic, p.at.Partition, rec),
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
