package sharedlog

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/events"
)

// call is one that was made here and has no verdict yet.
type call struct {
	id      CallID
	n       uint64 // in the order in which they were made
	seen    int64
	message proto.Message
	place   place // what the record refers to
	record  events.Record
	size    int
	done    Done
	// queued: it is in the queue. sent: it may be in the log.
	queued, sent bool
	// over: it is not waited for. Whoever sets it tells done.
	over atomic.Bool
}

// Start makes a call and does not wait for its verdict: done is told of it. m, which the
// fold may be given as it is, must not be changed any more. Many calls
// are appended together. It blocks, no longer than ctx, until the host has come near
// the end of the log, and while 4 MiB or 20,000 calls wait for their verdicts. ctx does not
// bound the call itself, which is tried until it has a verdict or the host ends. If the
// error is not nil nothing was or will be appended, and done is not called.
func (h *Host) Start(ctx context.Context, m proto.Message, done Done) (CallID, error) {
	c := &call{message: m, done: done}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := io.ReadFull(h.random, c.id[:]); err != nil {
		return CallID{}, fmt.Errorf("make a call to %s/%d: make its ID: %w", h.cfg.Topic, h.cfg.Partition, err)
	}
	headers := messaging.Inject(ctx)
	for {
		seen, begun, err := h.look(ctx)
		if err != nil {
			return c.id, err
		}
		h.mu.Unlock()
		err = h.encode(c, seen, headers)
		h.mu.Lock()
		if err != nil {
			return c.id, err
		}
		if h.still(begun) {
			break
		}
	}
	h.enter(c)
	return c.id, nil
}

// look waits until a call may be made, and is what it is to say that it has seen; h.mu is
// held, but not while it waits.
func (h *Host) look(ctx context.Context) (seen int64, begun int, err error) {
	if err := h.room(ctx); err != nil {
		return 0, 0, fmt.Errorf("make a call to %s/%d: %w", h.cfg.Topic, h.cfg.Partition, err)
	}
	return h.at.position, h.at.beginnings, nil
}

// still tells whether a call that was encoded meanwhile may be entered: else the log may
// hold less than it says to have seen, or nothing would end its wait. h.mu is held.
func (h *Host) still(begun int) bool {
	select {
	case <-h.ended:
		return false
	default:
		return begun == h.at.beginnings
	}
}

// encode makes the record of a call, the same one for as long as it is tried.
func (h *Host) encode(c *call, seen int64, headers []events.Header) (err error) {
	c.seen, c.place = seen, *placed(c.id, seen)
	if c.record, err = c.place.encode(h.cfg.Encoder, c.message, headers); err != nil {
		return events.Refuse(events.CodeBadData, "make a call to %s/%d: %v", h.cfg.Topic, h.cfg.Partition, err)
	}
	if c.size = c.record.Size(); c.size > events.MaxRecordBytes {
		return events.Refuse(events.CodeTooLarge, "make a call to %s/%d: its record has %d bytes; at most %d are allowed",
			h.cfg.Topic, h.cfg.Partition, c.size, events.MaxRecordBytes)
	}
	return nil
}

// enter lets a call wait for its verdict, and be appended; h.mu is held.
func (h *Host) enter(c *call) {
	h.calls[c.id] = c
	c.over.Store(false)
	h.made++
	c.n = h.made
	h.buffer += c.size
	h.enqueue(c)
}

// enqueue lets a call be appended (again); h.mu is held.
func (h *Host) enqueue(c *call) {
	if c.queued {
		return
	}
	c.queued = true
	h.queue = append(h.queue, c)
	h.wakeAppender()
}

func (h *Host) wakeAppender() {
	select {
	case h.queued <- struct{}{}:
	default: // It is to wake up already.
	}
}

// room waits until a call may be made; h.mu is held, but not while it waits.
func (h *Host) room(ctx context.Context) error {
	return h.until(ctx, func() bool {
		return h.at.level && h.buffer < bufferBytes && len(h.calls) < bufferCalls
	})
}

// until waits until something is so; h.mu is held, but not while it waits.
func (h *Host) until(ctx context.Context, so func() bool) error {
	for {
		select {
		case <-h.ended:
			return h.endedError()
		default:
		}
		if so() {
			return nil
		}
		moved := h.moved
		h.waiting++
		h.mu.Unlock()
		var err error
		select {
		case <-moved:
		case <-h.ended:
		case <-ctx.Done():
			err = ctx.Err()
		}
		h.mu.Lock()
		h.waiting--
		if err != nil {
			return err
		}
	}
}

// move wakes what waits for the host to get on; h.mu is held.
func (h *Host) move() {
	if h.waiting > 0 {
		close(h.moved)
		h.moved = make(chan struct{})
	}
}

// take ends the wait of a call; nil if it has none here.
func (h *Host) take(id CallID) *call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.takeLocked(id)
}

func (h *Host) takeLocked(id CallID) *call {
	c := h.calls[id]
	if c == nil || c.over.Swap(true) {
		return nil
	}
	h.remove(c)
	h.move()
	return c
}

// unknown is the error of a call that has no verdict.
func (h *Host) unknown(id CallID, why error) error {
	return &UnknownError{Topic: h.cfg.Topic, Partition: h.cfg.Partition, Call: id, Err: why}
}

// giveUp ends a call that is not waited for any longer. It is kept for Resolve if it may
// be in the log.
func (h *Host) giveUp(id CallID, why error) {
	h.mu.Lock()
	c := h.takeLocked(id)
	var err error
	switch {
	case c == nil: // It has a verdict.
		h.mu.Unlock()
		return
	case c.sent:
		err = h.unknown(id, why)
		h.given.keep(c)
	default:
		err = fmt.Errorf("make a call to %s/%d: it was not sent: %w", h.cfg.Topic, h.cfg.Partition, why)
	}
	h.mu.Unlock()
	c.done(nil, nil, Verdict{}, err)
}

func (h *Host) endedError() error {
	if h.err != nil {
		return fmt.Errorf("%w: %w", ErrEnded, h.err)
	}
	return ErrEnded
}

// end gives all calls up.
func (h *Host) end(err error) {
	h.mu.Lock()
	h.err = err
	close(h.ended)
	ids := make([]CallID, 0, len(h.calls))
	for id := range h.calls {
		ids = append(ids, id)
	}
	why := h.endedError()
	h.mu.Unlock()
	for _, id := range ids {
		h.giveUp(id, why)
	}
}
