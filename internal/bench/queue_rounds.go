package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/pkg/queue"
)

// recordsPerClaim: claimed, done.
const recordsPerClaim = 2

// warmUp runs the queue before the wire, which carries what it leaves.
func (r *queueRun) warmUp(ctx context.Context) error {
	err := r.onQueue(ctx, r.options(), func(ctx context.Context, q *queue.Queue) error { return r.calls(ctx, q) })
	if err == nil {
		err = r.onWire(ctx)
	}
	r.enqueue.of, r.enqueue.wire, r.claim.of, r.claim.wire = nil, nil, nil, nil
	r.singles, r.wireSingles = nil, nil
	return err
}

// round runs the wire, then the queue.
func (r *queueRun) round(ctx context.Context) error {
	if err := r.onWire(ctx); err != nil {
		return fmt.Errorf("bare wire: %w", err)
	}
	return r.onQueue(ctx, r.options(), func(ctx context.Context, q *queue.Queue) error { return r.calls(ctx, q) })
}

// calls puts entries in, many at once and one at a time, and has some of them claimed.
func (r *queueRun) calls(ctx context.Context, q *queue.Queue) error {
	from, err := r.end(ctx, q)
	if err != nil {
		return err
	}
	f, err := r.enqueueMany(ctx, q, r.cfg.Entries)
	if err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	r.enqueue.of = append(r.enqueue.of, f)
	if err := r.look(ctx, q, &r.enqueue, from); err != nil {
		return err
	}
	if err := r.enqueueSingly(ctx, q); err != nil {
		return fmt.Errorf("enqueue one at a time: %w", err)
	}
	if from, err = r.end(ctx, q); err != nil {
		return err
	}
	if f, err = r.work(ctx, q); err != nil {
		return fmt.Errorf("claim and finish: %w", err)
	}
	r.claim.of = append(r.claim.of, f)
	return r.look(ctx, q, &r.claim, from)
}

// enqueueMany puts n entries in without waiting for each.
func (r *queueRun) enqueueMany(ctx context.Context, q *queue.Queue, n int) (figures, error) {
	item := queue.Item{Payload: make([]byte, r.cfg.Size)}
	over := make(chan struct{})
	var failed error
	ended := 0
	done := func(res queue.Result) { // By one goroutine, that of the host.
		failed = errors.Join(failed, res.Err)
		if ended++; ended%1000 == 0 {
			r.cfg.Progress(1000)
		}
		if ended == n {
			r.cfg.Progress(n % 1000)
			close(over)
		}
	}
	before := settled()
	began := time.Now()
	for range n {
		if err := q.Start(ctx, item, done); err != nil {
			return figures{}, err
		}
	}
	select {
	case <-over:
	case <-ctx.Done():
		return figures{}, ctx.Err()
	}
	return figures{time.Since(began).Seconds(), measure().since(before)}, failed
}

// enqueueSingly puts entries in, each when the one before has its place.
func (r *queueRun) enqueueSingly(ctx context.Context, q *queue.Queue) error {
	item := queue.Item{Payload: make([]byte, r.cfg.Size)}
	for range r.cfg.Singles {
		began := time.Now()
		if _, err := q.Enqueue(ctx, item); err != nil {
			return err
		}
		r.singles = append(r.singles, time.Since(began))
		r.cfg.Progress(1)
	}
	return nil
}

// handedOut is which entries workers were given. It is for concurrent use.
type handedOut struct {
	mu      sync.Mutex
	entries map[string]int64 // by ID, the token of the claim
}

// note notes that a claim was given an entry. It is an error if another one was before.
func (h *handedOut) note(id string, token int64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if other, twice := h.entries[id]; twice {
		return fmt.Errorf("entry %q was handed out twice: by the claims %d and %d; keep the log and run spanway verify", id, other, token)
	}
	h.entries[id] = token
	return nil
}

// work has the workers claim and finish entries, one at a time each.
func (r *queueRun) work(ctx context.Context, q *queue.Queue) (figures, error) {
	given := handedOut{entries: make(map[string]int64, r.cfg.Claims)}
	var left atomic.Int64
	left.Store(int64(r.cfg.Claims))
	before := settled()
	began := time.Now()
	workers, ctx := errgroup.WithContext(ctx)
	for range r.cfg.Workers {
		workers.Go(func() error {
			for left.Add(-1) >= 0 {
				got, err := q.Claim(ctx, queue.Request{Lease: time.Hour})
				if err != nil {
					return err
				}
				for _, e := range got.Entries {
					if err := errors.Join(given.note(e.ID, got.Token), q.Done(ctx, e.ID, got.Token)); err != nil {
						return err
					}
				}
				r.cfg.Progress(1)
			}
			return nil
		})
	}
	err := workers.Wait()
	if err == nil && len(given.entries) != r.cfg.Claims {
		err = fmt.Errorf("%d claims were given %d entries", r.cfg.Claims, len(given.entries))
	}
	return figures{time.Since(began).Seconds(), measure().since(before)}, err
}
