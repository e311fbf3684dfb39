package kafka

import (
	"context"
	"time"
)

// sharedFetch is one request that names many partitions. Its maps are guarded by the
// lock of waiting.
type sharedFetch struct {
	of      *waiting
	ctx     context.Context // ends when no waiter is left
	cancel  context.CancelFunc
	request fetchRequest
	broken  int64
	wait    time.Duration
	ends    time.Time
	named   map[place][]*waiter
	epochs  map[place]int32
}

func newSharedFetch(of *waiting, leader int32, broken int64) *sharedFetch {
	f := &sharedFetch{of: of, broken: broken, named: map[place][]*waiter{}, epochs: map[place]int32{}, request: newFetchRequest(fetchBytes)}
	f.request.to, f.request.leader = true, leader
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// name adds a waiter, unless the partition is named from another offset, or of another topic
// of the name: a request can name it once only.
func (f *sharedFetch) name(one *waiter, epoch int32) {
	if before := f.named[one.place]; len(before) > 0 {
		if before[0].from != one.from || before[0].of != one.of {
			one.told <- outcome{}
			return
		}
	} else {
		f.request.add(one.place, one.of, one.from, epoch, fetchBytes)
		f.epochs[one.place] = epoch
	}
	one.in = f
	f.named[one.place] = append(f.named[one.place], one)
}

func (f *sharedFetch) run() {
	began := time.Now()
	r, err := f.of.client.fetched(f.ctx, &f.request, f.wait)
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	f.cancel()
	delete(f.of.underway, f)
	if err != nil {
		f.tellAll(outcome{err: err})
		return
	}
	came := f.land(r)
	if f.wait == 0 || !came && time.Since(began) < f.wait/2 {
		f.tellAll(outcome{}) // There was no room, or the broker does not wait: they ask apart.
		return
	}
	after := gatherFor
	if came {
		after = 0
	}
	f.again(after)
}

// again has those wait on that were not told. One that has waited enough was left out of the
// answer, and asks apart: answers that leave it out must not hold it for ever.
func (f *sharedFetch) again(after time.Duration) {
	now := time.Now()
	for _, these := range f.named {
		for _, one := range these {
			switch one.in = nil; {
			case one.gone:
			case now.Before(one.half):
				f.of.gather(after, one)
			default:
				one.told <- outcome{}
			}
		}
	}
}

// land tells what an answer says of each partition, and takes those out that were told. It
// reports whether one of them had something.
func (f *sharedFetch) land(r *fetchResponse) (came bool) {
	now := time.Now()
	for i := range r.Topics {
		for j := range r.Topics[i].Partitions {
			a := r.Topics[i].Partitions[j] // A copy: it must not keep the others.
			at := place{r.Topics[i].Topic, a.Partition}
			these := f.named[at]
			if len(these) == 0 {
				continue
			}
			a.term = term(f.broken, f.epochs[at])
			switch silent := a.silent(these[0].from); {
			case a.ErrorCode != 0:
				came = true
				f.tell(at, func(_ int, one *waiter) (outcome, bool) { return outcome{err: a.failure(at.topic, one.of)}, true })
			case silent:
				f.tell(at, func(_ int, one *waiter) (outcome, bool) { return outcome{answer: &a}, !now.Before(one.half) })
			default:
				came = true
				f.tell(at, func(n int, _ *waiter) (outcome, bool) {
					if n > 0 || len(a.Batches.data) == 0 { // Records are one reader's; or there was no room.
						return outcome{}, true
					}
					return outcome{answer: &a}, true
				})
			}
		}
	}
	return came
}

// tell tells the waiters of a partition, and keeps those that are not to be told yet.
func (f *sharedFetch) tell(at place, what func(n int, one *waiter) (outcome, bool)) {
	var kept []*waiter
	n := 0
	for _, one := range f.named[at] {
		if one.gone {
			continue
		}
		t, due := what(n, one)
		if !due {
			kept = append(kept, one)
			continue
		}
		n++
		one.told <- t
	}
	f.named[at] = kept
}

func (f *sharedFetch) tellAll(t outcome) {
	for at := range f.named {
		f.tell(at, func(int, *waiter) (outcome, bool) { return t, true })
	}
}
