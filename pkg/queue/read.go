package queue

import (
	"context"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// Position is up to where the queue's log is folded.
type Position = sharedlog.Position

// What a queue knows of an ID.
const (
	Unknown = order.Unknown
	Held    = order.Held
	Removed = order.Removed
)

// The kinds of changes.
const (
	WasConfigured = order.Configured
	WasEnqueued   = order.Enqueued
	WasRemoved    = order.EntryRemoved
	WasClaimed    = order.Claimed
	WasExtended   = order.Extended
	WasDone       = order.Done
	WasReleased   = order.Released
	WasLeaseEnded = order.LeaseEnded
	WasDeleted    = order.QueueDeleted
	WasRestarted  = order.Restarted
)

// MaxPage is how many entries a read returns at most.
const MaxPage = 10_000

// Page is a part of the ordering.
type Page struct {
	Entries []Entry
	// At is up to where the log was folded: the page is true of that place.
	At Position
}

// Entries returns the entries behind a sequence number, in their order, limit at most; the
// first ones are behind -1. The next page is behind the last entry of this one. With a
// barrier the read is linearizable. limit is 1 to MaxPage; beyond, it is MaxPage.
func (q *Queue) Entries(ctx context.Context, after int64, limit int, barrier bool) (p Page, err error) {
	err = q.read(ctx, barrier, func(core *order.Queue, at Position) {
		p = Page{Entries: core.Entries(nil, after, min(limit, MaxPage)), At: at}
	})
	return p, err
}

// Find returns what the queue knows of an ID, and the entry if it is held.
func (q *Queue) Find(ctx context.Context, id string, barrier bool) (e Entry, state State, at Position, err error) {
	err = q.read(ctx, barrier, func(core *order.Queue, p Position) {
		e, state = core.Find(id)
		at = p
	})
	return e, state, at, err
}

// Info is what a queue is as a whole.
type Info struct {
	Rules  Rules
	Counts Counts
	// Holders are some of those that have claims.
	Holders []string
	// Last is the newest ID that was ever put in, and Next the number that comes next, where the
	// IDs are a sequence: zero if none was, and 0 if no number is left.
	Last Sequence
	Next uint64
	// Head is the first entry, if there is one: the log is kept from there on.
	Head *Entry
	// FirstUntilMs is when the first lease of a claim ends at the earliest (Claim.UntilMs);
	// 0 if there is none.
	FirstUntilMs int64
	At           Position
}

// Info returns what the queue is as a whole.
func (q *Queue) Info(ctx context.Context, barrier bool) (i Info, err error) {
	err = q.read(ctx, barrier, func(core *order.Queue, at Position) {
		i = Info{Rules: core.Rules(), Counts: core.Counts(), FirstUntilMs: core.FirstUntilMs(), At: at}
		i.Last, i.Next = core.Last()
		holders, _ := core.Holders(100)
		for _, h := range holders {
			i.Holders = append(i.Holders, h.Name)
		}
		if first := core.Entries(nil, -1, 1); len(first) > 0 {
			i.Head = &first[0]
		}
	})
	return i, err
}

// read lets look see the queue. If it was deleted the error is ErrDeleted.
func (q *Queue) read(ctx context.Context, barrier bool, look func(core *order.Queue, at Position)) error {
	var refused *Refused
	err := q.host.Read(ctx, barrier, func(core sharedlog.Core, at Position) {
		queue := core.(*order.Queue)
		if queue.Deleted() || q.creation != 0 && queue.Creation() != q.creation && queue.Exists() {
			refused = &Refused{Queue: q.name, What: "read", Code: events.CodeQueueDeleted}
			return
		}
		look(queue, at)
	})
	return q.outcome("read", err, refused)
}
