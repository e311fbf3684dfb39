package logowner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// chunk is what one fetch brought, prepared.
type chunk[I any] struct {
	inputs []events.Input[I]
	next   int64
	bytes  int
	// end is where the partition ended when it was asked at asOf (milliseconds).
	end, asOf int64
	err       error
}

// source reads one input partition ahead of the owner's loop and prepares its
// records outside of it.
type source[I any] struct {
	at      eventlog.TopicPartition
	log     eventlog.Log
	view    view
	prepare func(topic string, partition int32, rec *events.Record) I
	// missed, if set, makes an input of what was deleted before it was read.
	missed func(topic string, partition int32, from, to int64) I
	// now is the owner's own clock, so that the two can be compared.
	now func() time.Time
	// gone, if set, is told that what was still to be read was deleted, or that
	// what was read is lost, and where the source goes on.
	gone func(at eventlog.TopicPartition, from, next int64)
	// read, if set, is told of each page what it leaves.
	read func(inputGauge)
	// trail is what was read; it is compared with the input when the term of its
	// pages is another one, and at the start.
	trail *trail
	term  int64
	sure  bool // that the trail stands in this term
	// board, if set, is told what keeps it from reading on without being an error.
	board  *trouble.Board
	try    *trouble.Try
	chunks chan chunk[I]
	wake   chan<- struct{} // is told that there are inputs, or an error
	// needed is from when on the owner has to know that nothing came (milliseconds);
	// nil: never.
	needed *atomic.Int64
	cancel context.CancelFunc
	done   chan struct{}
}

const (
	// readAhead bounds what one source holds: chunks of at most a fetch each.
	readAhead = 4
	// longPoll is how long a fetch waits. Silence is known only when it returns, and a
	// lease ends by known silence: where that is awaited it waits for shortPoll.
	longPoll  = time.Second
	shortPoll = 200 * time.Millisecond
)

func (s *source[I]) start(ctx context.Context, from int64) {
	ctx, s.cancel = context.WithCancel(ctx)
	if s.board == nil {
		s.board = trouble.NewBoard(slog.New(slog.DiscardHandler))
	}
	s.try = s.board.New(fmt.Sprintf("read the input %s/%d", s.at.Topic, s.at.Partition))
	s.chunks = make(chan chunk[I], readAhead)
	s.done = make(chan struct{})
	if s.trail == nil {
		s.trail = &trail{}
	}
	if s.view == nil {
		s.view = everything{}
	}
	from = s.trail.resume(from)
	s.sure = len(s.trail.steps) == 0
	s.view.moved()
	go s.run(ctx, from)
}

// stop ends the source's goroutine and waits for it.
func (s *source[I]) stop() {
	if s.cancel != nil {
		s.cancel()
		<-s.done
	}
}

func (s *source[I]) run(ctx context.Context, from int64) {
	defer close(s.done)
	defer s.try.End()
	for {
		c := s.fetch(ctx, from)
		silent, stayed := len(c.inputs) == 0 && c.err == nil, c.next == from
		from = c.next
		if silent && (len(s.chunks) > 0 || stayed && s.untilNeeded(c.asOf) >= 0) {
			continue // News of silence is not worth a place in a full queue, or of no use yet.
		}
		select {
		case s.chunks <- c:
		case <-ctx.Done():
			return
		}
		if silent {
			continue
		}
		select {
		case s.wake <- struct{}{}:
		default: // It was told already.
		}
		if c.err != nil {
			return
		}
	}
}

// untilNeeded is for how long, from a time on, the owner need not know that nothing came.
func (s *source[I]) untilNeeded(from int64) time.Duration {
	if s.needed == nil {
		return longPoll
	}
	return time.Duration(min(s.needed.Load()-from, longPoll.Milliseconds())) * time.Millisecond
}

func (s *source[I]) fetch(ctx context.Context, from int64) chunk[I] {
	asked := s.now().UnixMilli()
	page, err := s.log.Fetch(ctx, from, min(max(s.untilNeeded(asked), shortPoll), longPoll))
	next, lost := from, false
	if start, end, outside := eventlog.OutOfRange(err); outside {
		// Deleted before it was read, or its tail is lost: then records that are left may
		// be new, although older ones had these offsets.
		if start > from || end < from {
			next, lost, err, s.sure = max(start, min(from, end)), end < from, nil, false
			s.trail.cut(next)
		}
	}
	if err == nil && (!s.sure || s.term != page.Term) {
		next, err = s.trail.goOn(ctx, s.log, next, lost)
		s.sure, s.term = err == nil, page.Term
	}
	if err == nil && next == from {
		err = s.view.begin(ctx, s.log, from)
	}
	switch {
	case errors.Is(err, eventlog.ErrHidden): // The fetch has waited.
		s.try.Failed(err)
		return chunk[I]{next: from}
	case err != nil:
		return chunk[I]{next: from, err: err}
	case next != from:
		return s.goOn(from, next)
	}
	if from >= s.trail.doubt {
		s.try.Passed()
	}
	s.measure(&page, asked)
	return s.decode(&page, asked)
}

// goOn reads on at another place than behind what was read.
func (s *source[I]) goOn(from, next int64) chunk[I] {
	if next < from {
		s.trail.wentBack(from, next)
		s.try.Failed(fmt.Errorf("it was read up to %d, has lost its tail, and is read again from %d", from, next))
	}
	s.view.moved()
	if s.gone != nil {
		s.gone(s.at, from, next)
	}
	c := chunk[I]{next: next}
	if s.missed != nil && next > from {
		c.inputs = []events.Input[I]{{
			Place: events.Place{Topic: s.at.Topic, Partition: s.at.Partition, Offset: next - 1}, // The last that is gone.
			Value: s.missed(s.at.Topic, s.at.Partition, from, next),
		}}
	}
	return c
}

func (s *source[I]) decode(page *events.Page, asked int64) chunk[I] {
	c := chunk[I]{next: page.Next, end: page.End, asOf: asked, inputs: make([]events.Input[I], 0, len(page.Records))}
	for i := range page.Records {
		s.trail.add(&page.Records[i])
	}
	s.view.take(page, func(rec *events.Record) {
		c.bytes += rec.Size()
		c.inputs = append(c.inputs, events.Input[I]{
			Place: events.Place{Topic: s.at.Topic, Partition: s.at.Partition, Offset: rec.Offset},
			Value: s.prepare(s.at.Topic, s.at.Partition, rec),
			Again: rec.Offset < s.trail.doubt,
		})
	})
	return c
}

// measure tells how many records the input keeps, and how old those are that are
// still to be read.
func (s *source[I]) measure(page *events.Page, now int64) {
	if s.read == nil {
		return
	}
	age := time.Duration(0)
	if n := len(page.Records); n > 0 && page.Next < page.End {
		age = max(0, time.Duration(now-page.Records[n-1].Timestamp)*time.Millisecond)
	}
	s.read(inputGauge{records: page.End - page.Start, lag: max(0, page.End-page.Next), age: age})
}
