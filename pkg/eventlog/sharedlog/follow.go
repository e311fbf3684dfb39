package sharedlog

import (
	"bytes"
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/internal/telemetry/following"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// reads is the log that the host follows: the fold may be looked at while it waits.
type reads struct {
	eventlog.Log
	h *Host
}

func (r reads) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	r.h.release()
	if r.h.anew { // Calls wait until it is known where the log ends.
		wait = 0
	}
	page, err := r.Log.Fetch(ctx, from, wait)
	r.h.folding <- struct{}{}
	r.h.land(page)
	r.h.anew = r.h.anew && err != nil
	return page, err
}

func (h *Host) release() { <-h.folding }

// pause is the follower's, before it tries again.
func (h *Host) pause(ctx context.Context, d time.Duration) {
	h.release()
	following.Pause(ctx, d)
	h.folding <- struct{}{}
}

// follow keeps the fold up to date until ctx ends, or until an error that is final.
func (h *Host) follow(ctx context.Context) error {
	try := following.Try(h.cfg.Board, h.cfg.Topic, h.cfg.Partition)
	defer try.End()
	log := &ahead{Log: h.cfg.Reads, next: -1}
	defer log.settle()
	h.folding <- struct{}{}
	defer h.release()
	h.follower = eventlog.NewFollower(eventlog.FollowerConfig{
		Log: reads{log, h}, Topic: h.cfg.Topic, Partition: h.cfg.Partition, Shared: true, Known: h.known,
		NewFold:   func() eventlog.Fold { return NewFold(h.cfg.NewCore(), Horizon) },
		Snapshots: h.cfg.Snapshots, Now: h.cfg.Now,
		Pause: h.pause,
		Hooks: eventlog.FollowerHooks{
			Began: h.began, Visit: h.visited, Stepped: h.stepped, Trouble: h.trouble(try),
			Skipped: func(why eventlog.Skip, records []events.Record) { h.metrics.skipped(why.String(), len(records)) },
		},
	})
	// What is there is read without waiting for more: calls wait for that.
	if err := h.follower.Step(ctx, 0); err != nil && eventlog.Final(err) {
		return err
	}
	for h.denials = 0; ; h.denials++ {
		err := h.follower.Run(ctx)
		if !h.restorable(err) {
			return err
		}
		h.pause(ctx, min(firstDenied<<min(h.denials, 8), lastDenied))
	}
}

// How long it is waited before a log is read again that brokers deny: the first time, and at
// most.
const (
	firstDenied = 250 * time.Millisecond
	lastDenied  = 5 * time.Second
)

// restorable tells whether err is a right, or a connection, that was taken away after the log
// had been read: it may be given back. One that is missing from the beginning ends the host,
// as does what no right mends, such as a log that was deleted.
func (h *Host) restorable(err error) bool { return h.read && eventlog.IsForbidden(err) }

// trouble tells of what is tried again: of all but what ends the host.
func (h *Host) trouble(try *trouble.Try) func(eventlog.Health) {
	others := following.Trouble(try)
	return func(is eventlog.Health) {
		if h.restorable(is.Err) {
			try.Failed(is.Err)
			return
		}
		others(is)
	}
}

// began takes a fold that begins, for the first time or anew. Calls that wait are
// appended again as they are, but for those that it has a verdict on, or may have
// forgotten it.
func (h *Host) began(b eventlog.Beginning) {
	h.fold = b.Fold.(*Fold)
	h.fold.Decided, h.fold.Repeated, h.fold.Premature = h.decided, h.repeated, h.premature
	h.fold.Foreign = h.lost
	h.grown, h.anew = growth{}, true
	h.mu.Lock()
	h.leave()
	h.at = progress{position: b.At, beginnings: h.at.beginnings + 1}
	h.flights = nil
	var known, forgotten, waiting []*call
	for _, c := range h.calls {
		switch _, ok := h.fold.Verdict(c.id); {
		case ok:
			known = append(known, c)
		case c.sent && c.forgotten(b.At) != nil:
			forgotten = append(forgotten, c)
		case c.sent:
			waiting = append(waiting, c)
		}
	}
	h.move()
	h.mu.Unlock()
	for _, c := range known {
		v, _ := h.fold.Verdict(c.id)
		h.finish(c.asFolded(h.fold, v), v)
	}
	for _, c := range forgotten {
		h.giveUp(c.id, c.forgotten(b.At))
	}
	h.mu.Lock()
	h.leave()
	h.mu.Unlock()
	h.again(waiting)
	for _, w := range h.watchers {
		w.begin(h)
	}
}

// visited notes by how much the log has grown since the fold began.
func (h *Host) visited(_ events.Logged, r *events.Record) {
	if h.early {
		h.early = false
		if h.cfg.Now().Sub(time.UnixMilli(r.Timestamp)) < earlyFor {
			h.metrics.premature()
		}
	}
	h.grown.bytes += int64(r.Size())
	h.grown.records++
}

// asFolded is a call that was folded before its verdict is given out.
func (c *call) asFolded(f *Fold, v Verdict) *Call {
	return &Call{ID: c.id, Seen: c.seen, Offset: v.Offset, Now: f.now, Type: events.TypeOf(c.message), Message: c.message}
}

// stepped notes that a page was folded.
func (h *Host) stepped() {
	h.read, h.denials = true, 0
	at, end := h.follower.Position(), h.follower.End()
	h.mu.Lock()
	h.at.position, h.at.end = at, end
	if n := len(h.landing.records); n > 0 { // Until the next one is fetched: that is not older.
		h.at.unread = time.UnixMilli(h.landing.records[n-1].Timestamp)
	}
	h.at.level = end-at < Horizon/2
	h.leave()
	lost := h.missing(at, at >= end)
	h.move()
	h.mu.Unlock()
	h.again(lost)
	for _, w := range h.watchers {
		if w.Stepped != nil {
			w.Stepped(h.fold.core, h.position())
		}
	}
}

// load is what a host has to do.
type load struct {
	waiting int64         // calls without verdicts
	lag     int64         // records that are to be folded
	age     time.Duration // of the oldest of these
}

func (h *Host) load() load {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := load{waiting: int64(len(h.calls)), lag: max(0, h.at.end-h.at.position)}
	if l.lag > 0 && !h.at.unread.IsZero() {
		l.age = max(0, h.cfg.Now().Sub(h.at.unread))
	}
	return l
}

func (h *Host) position() Position {
	p := Position{Topic: h.cfg.Topic, Partition: h.cfg.Partition, Offset: h.follower.Position()}
	p.Now, _ = h.fold.Now()
	return p
}

// decided gives a verdict to its caller, if that is here, and tells the watchers of it.
func (h *Host) decided(c *Call, v Verdict) {
	h.metrics.decided(v)
	h.finish(c, v)
	for _, w := range h.watchers {
		if w.Decided != nil {
			w.Decided(h.fold.core, c, v)
		}
	}
}

// repeated gives the verdict to a caller that asks for it again.
func (h *Host) repeated(c *Call, v Verdict) {
	h.metrics.copied()
	h.finish(c, v)
}

// earlyFor is how old a record may be that tells of a lost end, if it is to be counted: the
// metric is for alerts, and whoever reads the place again after a restart has no news.
const earlyFor = time.Hour

// premature is told of a call whose writer had seen what the log has lost since.
func (h *Host) premature(c *Call) {
	h.early = true
	h.lost(c)
}

// lost gives a call up that had seen what the log does not hold. A copy of it may be
// accepted later: its outcome stays unknown.
func (h *Host) lost(c *Call) {
	h.giveUp(c.ID, &eventlog.LostError{Expected: c.Seen, Found: c.Offset})
}

// known is the message of a record that this host has appended, if its call is waited for:
// decoding it again would take longer than to see that the record is the same. One with
// the ID of a call of this host may be another's.
func (h *Host) known(id [16]byte, r *events.Record) proto.Message {
	c := h.waitingAt(id, r.Offset)
	if c == nil || !c.wrote(r) {
		return nil
	}
	return c.message
}

// wrote tells whether a record says what that of the call does.
func (c *call) wrote(r *events.Record) bool {
	return bytes.Equal(r.Value, c.record.Value) && slices.EqualFunc(r.Headers, c.record.Headers, func(a, b events.Header) bool {
		return a.Key == b.Key && bytes.Equal(a.Value, b.Value)
	})
}

func (h *Host) finish(c *Call, v Verdict) {
	if made := h.takeAt(c.ID, c.Offset); made != nil {
		failpoint.Hit(failpoint.CallsAppended)
		made.done(h.fold.core, c, v, nil)
	}
}
