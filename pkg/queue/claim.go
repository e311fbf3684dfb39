package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// Request says what is to be claimed.
type Request struct {
	// IDs are the entries, all or none. If it is empty, the first ones that are free.
	IDs []string
	// Count is how many of the first ones, at most: 1 to 1000; 0 is 1.
	Count int
	// Lease is how long they are leased: 1 ms to 24 h.
	Lease time.Duration
	// Wait for an entry to be free, as long as ctx, instead of ErrNothingToClaim.
	Wait bool
}

// Claimed are entries that a call has leased to this process.
type Claimed struct {
	// Token names the claim. It is greater than that of every earlier claim.
	Token   int64
	Entries []Entry
	// Until is when the lease ends at the earliest, by the clock of this host.
	Until time.Time
}

// Claim leases entries to this process. No two calls are given the same entry while the lease
// of the first lasts.
func (q *Queue) Claim(ctx context.Context, r Request) (Claimed, error) {
	for {
		moved := q.moved()
		if r.Wait && len(r.IDs) == 0 {
			if err := q.awaitFree(ctx, moved); err != nil {
				return Claimed{}, err
			}
		}
		c, err := q.claim(ctx, r)
		if !r.Wait || !errors.Is(err, ErrNothingToClaim) {
			return c, err
		}
	}
}

// awaitFree waits until an entry is free, as far as this host has folded: a claim that
// finds none is a record in the log all the same.
func (q *Queue) awaitFree(ctx context.Context, moved <-chan struct{}) error {
	for {
		free := false
		if err := q.read(ctx, false, func(core *order.Queue, _ Position) { free = core.Free() }); err != nil || free {
			return err
		}
		select {
		case <-moved:
			moved = q.moved()
		case <-q.ended:
			return q.hostEnded("claim")
		case <-ctx.Done():
			return fmt.Errorf("claim: queue %s: no entry is free: %w", q.name, ctx.Err())
		}
	}
}

func (q *Queue) claim(ctx context.Context, r Request) (c Claimed, err error) {
	what := r.what()
	if r.Count < 0 || r.Count > order.MaxClaimed || len(r.IDs) > order.MaxClaimed {
		return Claimed{}, &Refused{Queue: q.name, What: what, Code: events.CodeBadCount}
	}
	lease, err := q.lease(what, r.Lease)
	if err != nil {
		return Claimed{}, err
	}
	began := time.Now()
	m := &events.QueueClaimed{Holder: q.options.Holder, Ids: r.IDs, Count: int32(r.Count), LeaseMs: lease, Creation: q.creation, AtMs: q.now()}
	err = q.callAndLook(ctx, what, m, func(core *order.Queue, offset int64) {
		c = Claimed{Token: offset, Entries: core.Taken(offset), Until: began.Add(r.Lease)}
	}, func(core *order.Queue, refused *Refused) { explainClaim(core, r.IDs, refused) })
	return c, err
}

// what names a request in errors; of many IDs the first.
func (r *Request) what() string {
	const few = 3
	switch n := len(r.IDs); {
	case n == 0:
		return fmt.Sprintf("claim %d", max(1, r.Count))
	case n > few:
		return fmt.Sprintf("claim %.99q and %d others", r.IDs[:few], n-few)
	}
	return fmt.Sprintf("claim %.99q", r.IDs)
}

// lease is one in milliseconds.
func (q *Queue) lease(what string, d time.Duration) (int64, error) {
	if d < time.Millisecond || d > order.MaxLease*time.Millisecond {
		return 0, &Refused{Queue: q.name, What: what, Code: events.CodeBadData, Detail: fmt.Sprintf("the lease is %s; give 1ms to 24h", d)}
	}
	return d.Milliseconds(), nil
}

// explainClaim names the first entry that is in the way.
func explainClaim(core *order.Queue, ids []string, r *Refused) {
	for _, id := range ids {
		e, state := core.Find(id)
		switch {
		case state == Held && e.Claim == nil:
			continue
		case state == Held:
			r.Entry, r.Detail = &e, fmt.Sprintf("%.99q is claimed by %q", id, e.Claim.Holder)
		case state == Removed:
			r.Detail = fmt.Sprintf("%.99q was taken out before", id)
		default:
			r.Detail = fmt.Sprintf("the queue has no %.99q", id)
		}
		return
	}
	if len(ids) > 0 && r.Code == events.CodeBadData {
		r.Detail = "an entry is named twice"
	}
}

// Extend makes the lease of a claimed entry end later: so long from now on. It never ends
// earlier than it would have. If the claim is over the error is ErrStaleClaim.
func (q *Queue) Extend(ctx context.Context, id string, token int64, lease time.Duration) (until time.Time, err error) {
	what := fmt.Sprintf("extend the claim of %.99q", id)
	ms, err := q.lease(what, lease)
	if err != nil {
		return time.Time{}, of(id, err)
	}
	until = time.Now().Add(lease)
	return until, of(id, q.call(ctx, what, &events.QueueClaimExtended{Id: id, Token: token, LeaseMs: ms, Creation: q.creation, AtMs: q.now()}, explainStale(id)))
}

// Done takes a claimed entry out: its work is finished. If the claim is over the error is
// ErrStaleClaim, and the work may be done by another holder.
func (q *Queue) Done(ctx context.Context, id string, token int64) error {
	return of(id, q.call(ctx, fmt.Sprintf("finish %.99q", id), &events.QueueDone{Id: id, Token: token, Creation: q.creation, AtMs: q.now()}, explainStale(id)))
}

// Release gives a claimed entry back, at its place. reason is for people.
func (q *Queue) Release(ctx context.Context, id string, token int64, reason string) error {
	m := &events.QueueReleased{Id: id, Token: token, Reason: reason, Creation: q.creation, AtMs: q.now()}
	return of(id, q.callFor(ctx, fmt.Sprintf("release %.99q", id), reason, m, explainStale(id)))
}

// callFor is call for a reason that people are told.
func (q *Queue) callFor(ctx context.Context, what, reason string, m proto.Message, explain func(*order.Queue, *Refused)) error {
	if err := events.CheckOptionalID("the reason", reason); err != nil {
		return &Refused{Queue: q.name, What: what, Code: events.CodeBadData, Detail: why(err)}
	}
	return q.call(ctx, what, m, explain)
}

// explainStale says which claim an entry has now.
func explainStale(id string) func(*order.Queue, *Refused) {
	return func(core *order.Queue, r *Refused) {
		e, state := core.Find(id)
		switch {
		case r.Code != events.CodeStaleClaim:
		case state == Removed:
			r.Detail = "the entry was taken out before: if that was with this token, all is done"
		case state == Held && e.Claim != nil:
			r.Entry, r.Detail = &e, fmt.Sprintf("the claim is over; the entry is claimed by %q, with token %d", e.Claim.Holder, e.Claim.Token)
		}
	}
}

// Remove takes an entry out, wherever it stands and whether or not it is claimed. It returns
// nil to exactly one call in the whole system; to later ones ErrAlreadyRemoved. reason is for
// people.
func (q *Queue) Remove(ctx context.Context, id, reason string) error {
	m := &events.QueueRemoved{Id: id, Reason: reason, Creation: q.creation, AtMs: q.now()}
	return of(id, q.callFor(ctx, fmt.Sprintf("remove %.99q", id), reason, m, nil))
}
