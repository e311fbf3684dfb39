package kafka

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/protocol/metadata"
)

// waiting is how the idle partitions of a client wait: with one request at each broker,
// which names them all, as in Kafka's own consumers.
//
//	Fetch ── busy ──► a request of its own
//	   └──── idle ──► gathered ──► named in a shared request ──► told, and gone
//	                     ▲                  └── nothing came, and it has waited less
//	                     └───────────────────── than half of its time
//
// A partition is idle when nothing has come to its reader for idleAfter. The busy ones keep
// requests of their own, so that they wake no others, nor wait for them. A shared request
// ends as soon as one of its partitions has something: that one is told and is busy, the
// others are in the next request at once. An answer is bounded as that of one partition
// is; what finds no room in it is asked for apart.
//
// Invariants: an answer without records is of a request that was sent after its reader had
// asked, so silence is as certain as from a request of its own; an error of a partition
// goes to its readers only; a reader that gives up ends a request only if it was the last
// one; a request fails for all that it names only if its connection does.
//
// There is no fetch session (KIP-227). It would save bytes of requests of which there are
// a few in a second; but brokers keep a limited number of sessions, each would have to be
// told of every partition that comes or goes, and sessions that are evicted begin anew.
type waiting struct {
	client *Client

	mu        sync.Mutex
	gathered  []*waiter
	gathering bool
	underway  map[*sharedFetch]struct{}
}

const (
	// idleAfter is how long nothing must have come to a reader that waits with others.
	idleAfter = time.Second
	// sharedAtLeast is the shortest wait that is shared.
	sharedAtLeast = 100 * time.Millisecond
	// gatherFor is how long others are awaited that begin to wait too: most were told
	// together that nothing came.
	gatherFor = time.Millisecond
	// sharedWaitAtLeast keeps requests apart.
	sharedWaitAtLeast = 10 * time.Millisecond
)

// idle is since when a reader asks for one offset without an error: with nothing coming
// there, if it waits, or without waiting, as one does that looks after the end of its log.
type idle struct {
	mu    sync.Mutex
	at    int64
	since time.Time
}

// known reports whether that is long enough.
func (i *idle) known(from int64, now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.since.IsZero() && i.at == from && now.Sub(i.since) >= idleAfter
}

// note remembers a fetch that began at a time.
func (i *idle) note(from int64, began time.Time, still bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case !still:
		i.since = time.Time{}
	case i.since.IsZero() || i.at != from:
		i.at, i.since = from, began
	}
}

// place is one partition.
type place struct {
	topic string
	id    int32
}

// waiter is one fetch that waits with others.
type waiter struct {
	place
	of   uuid // of the topic, if it is asked for by that
	from int64
	// It is told that nothing came from half on, and at until at the latest.
	half, until time.Time
	in          *sharedFetch
	gone        bool
	told        chan outcome // holds one
}

// outcome is what a waiter learns: an answer, an error, or neither if it has to ask for
// itself.
type outcome struct {
	answer *fetchedPartition
	err    error
}

// await waits with others for what comes to a partition. Without an answer or an error,
// the caller has to ask for itself.
func (w *waiting) await(ctx context.Context, at place, of uuid, from int64, wait time.Duration) (*fetchedPartition, error) {
	now := time.Now()
	self := &waiter{place: at, of: of, from: from, half: now.Add(wait / 2), until: now.Add(wait), told: make(chan outcome, 1)}
	w.mu.Lock()
	w.gather(gatherFor, self)
	w.mu.Unlock()
	select {
	case t := <-self.told:
		return t.answer, t.err
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		w.leave(self)
		return nil, ctx.Err()
	}
}

// leave takes out a waiter whose caller has given up.
func (w *waiting) leave(one *waiter) {
	one.gone = true
	if one.in == nil {
		return
	}
	for _, others := range one.in.named {
		for _, o := range others {
			if !o.gone {
				return
			}
		}
	}
	one.in.cancel()
}

// gather puts waiters into the next request of their brokers, which goes out after a time.
func (w *waiting) gather(after time.Duration, more ...*waiter) {
	w.gathered = append(w.gathered, more...)
	if !w.gathering && len(w.gathered) > 0 {
		w.gathering = true
		time.AfterFunc(after, w.send)
	}
}

// send sends a request to each leader of what was gathered.
func (w *waiting) send() {
	w.mu.Lock()
	all := w.gathered
	w.gathered, w.gathering = nil, false
	w.mu.Unlock()
	broken := w.client.broken.Load()
	m := w.client.leaders(all)
	w.mu.Lock()
	defer w.mu.Unlock()
	to := map[kind]*sharedFetch{}
	for _, one := range all {
		if one.gone {
			continue
		}
		leader, epoch := leaderIn(m, one.place)
		if leader < 0 {
			one.told <- outcome{} // It finds out why.
			continue
		}
		which := kind{leader, one.half.Before(one.until), one.of != uuid{}}
		f := to[which]
		if f == nil {
			f = newSharedFetch(w, leader, broken)
			to[which] = f
		}
		f.name(one, epoch)
	}
	for which, f := range to {
		if which.waits {
			f.wait = w.waitOf(f)
		}
		f.request.MaxWaitMillis = int32(f.wait / time.Millisecond)
		f.ends = time.Now().Add(f.wait)
		w.underway[f] = struct{}{}
		go f.run()
	}
}

// waitOf is how long a request waits at its broker: until the first of its waiters has
// waited enough. If another one ends a little before, it ends with that, so that the two
// become one.
func (w *waiting) waitOf(f *sharedFetch) time.Duration {
	now := time.Now()
	least := time.Duration(-1)
	for _, these := range f.named {
		for _, one := range these {
			if d := one.until.Sub(now); least < 0 || d < least {
				least = d
			}
		}
	}
	wait := time.Duration(0)
	for other := range w.underway {
		if left := other.ends.Sub(now); other.request.leader == f.request.leader && left >= least/2 && left <= least {
			wait = max(wait, left)
		}
	}
	if wait == 0 {
		wait = least
	}
	return max(wait, sharedWaitAtLeast)
}

// kind tells apart the requests that are sent at once. One asks for all of its topics by ID,
// or for all by name.
type kind struct {
	leader int32
	waits  bool
	byID   bool
}

// leaders is what the Transport knows of the topics of waiters; nil if it knows nothing.
func (c *Client) leaders(of []*waiter) *metadata.Response {
	var names []string
	for _, one := range of {
		if !slices.Contains(names, one.topic) {
			names = append(names, one.topic)
		}
	}
	m, err := c.roundTrip(context.Background(), &metadata.Request{TopicNames: names}, requestTimeout)
	r, ok := m.(*metadata.Response)
	if err != nil || !ok {
		return nil // Each waiter meets it as well, and tells of it.
	}
	return r
}

// leaderIn finds the leader of a partition and its epoch; -1 if it is not known.
func leaderIn(m *metadata.Response, at place) (leader, epoch int32) {
	if m == nil {
		return -1, -1
	}
	t := find(m, at.topic)
	if t == nil {
		return -1, -1
	}
	for i := range t.Partitions {
		if p := &t.Partitions[i]; p.PartitionIndex == at.id && p.ErrorCode == 0 {
			return p.LeaderID, p.LeaderEpoch
		}
	}
	return -1, -1
}
