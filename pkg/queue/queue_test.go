package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/queue"
)

// The life of entries, as two hosts see it: the same ordering, whoever wrote.
func TestTwoHostsSeeTheSameOrdering(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	a := create(t, c, "orders", queue.Rules{})
	b := open(t, c, "orders")
	const each = 300
	var writing sync.WaitGroup
	for name, q := range map[string]*queue.Queue{"a": a, "b": b} {
		writing.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%s%d", name, i)
				err := q.Start(ctx, queue.Item{ID: id, Payload: []byte(id)}, func(r queue.Result) {
					if r.Err != nil {
						t.Error(r.Err)
					}
				})
				if err != nil {
					t.Error(err)
				}
			}
			for i := 0; i < each; i += 3 {
				if err := q.Remove(ctx, fmt.Sprintf("%s%d", name, i), "every third"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	ofA, ofB := list(t, a), list(t, b)
	if ofA != ofB || strings.Count(ofA, "@") != 2*each*2/3 {
		t.Fatalf("the orderings are%s\nand%s", ofA, ofB)
	}
	late := open(t, c, "orders")
	if got := list(t, late); got != ofA {
		t.Fatalf("a host that starts sees%s\nwant%s", got, ofA)
	}
	p, err := late.Entries(ctx, -1, 2*each, false)
	if err != nil || p.At.Offset == 0 {
		t.Fatal(p.At, err)
	}
	for _, e := range p.Entries {
		payload, err := late.Payload(ctx, e)
		if err != nil || string(payload.Data) != e.ID || payload.AtMs == 0 {
			t.Fatalf("%s holds %q: %v", e.ID, payload.Data, err)
		}
	}
}

// The workers of several hosts are never given the same entry.
func TestWorkers(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "work", queue.Rules{})
	const n, workers = 800, 16
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	hosts := []*queue.Queue{q, open(t, c, "work")}
	var mu sync.Mutex
	done := map[string]int{}
	all, stop := context.WithCancel(ctx)
	defer stop()
	var working sync.WaitGroup
	for i := range workers {
		host := hosts[i%len(hosts)]
		working.Go(func() {
			for {
				work, err := host.Claim(all, queue.Request{Count: 1 + i%3, Lease: time.Hour, Wait: true})
				if all.Err() != nil {
					return
				}
				if err != nil {
					t.Error(err)
					stop()
					return
				}
				for _, e := range work.Entries {
					p, err := host.Payload(ctx, e)
					if err != nil || string(p.Data) != "payload of "+e.ID {
						t.Errorf("%s holds %q: %v", e.ID, p.Data, err)
					}
					if err := host.Done(ctx, e.ID, work.Token); err != nil {
						t.Error(err)
					}
					mu.Lock()
					if done[e.ID]++; len(done) == n {
						stop()
					}
					mu.Unlock()
				}
			}
		})
	}
	enqueue(t, q, ids...)
	working.Wait()
	for _, id := range ids {
		if done[id] != 1 {
			t.Fatalf("%s was done %d times", id, done[id])
		}
	}
	if got := list(t, q); got != "" {
		t.Fatalf("left are%s", got)
	}
}

// Claims: extended, released, ended by time, and what their holders are told.
func TestClaimsEnd(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "q", queue.Rules{})
	enqueue(t, q, "a", "b")
	first, err := q.Claim(ctx, queue.Request{Count: 2, Lease: time.Minute})
	if err != nil || len(first.Entries) != 2 || first.Entries[0].ID != "a" {
		t.Fatal(first, err)
	}
	_, err = q.Claim(ctx, queue.Request{Lease: time.Second})
	refusedAs(t, "all are claimed", err, queue.ErrNothingToClaim)
	if err := q.Release(ctx, "b", first.Token, "no room"); err != nil {
		t.Fatal(err)
	}
	second, err := q.Claim(ctx, queue.Request{Lease: time.Minute})
	if err != nil || second.Entries[0].ID != "b" || second.Token <= first.Token {
		t.Fatal(second, err)
	}
	refusedAs(t, "under the old token", q.Done(ctx, "b", first.Token), queue.ErrStaleClaim)
	if until, err := q.Extend(ctx, "b", second.Token, 20*time.Minute); err != nil || until.Before(second.Until) {
		t.Fatal(until, err)
	}
	short, err := q.Extend(ctx, "a", first.Token, time.Millisecond) // It does not end earlier.
	if err != nil || short.After(first.Until) {
		t.Fatal(short, err)
	}
	if err := q.Done(ctx, "a", first.Token); err != nil {
		t.Fatal(err)
	}
	if got := list(t, q); got != " b@2" {
		t.Fatalf("the ordering is%s", got)
	}
}

// A lease ends by the time of the log, which one of the hosts moves; the entry is claimed
// again, and the old holder is told.
func TestALeaseEnds(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "q", queue.Rules{})
	enqueue(t, q, "a")
	first, err := open(t, c, "q").Claim(ctx, queue.Request{Lease: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	second, err := q.Claim(ctx, queue.Request{Lease: time.Hour, Wait: true})
	if err != nil || second.Entries[0].ID != "a" || second.Token <= first.Token {
		t.Fatal(second, err)
	}
	if time.Now().Before(first.Until) {
		t.Fatal("the lease ended early")
	}
	refusedAs(t, "under the old token", q.Done(ctx, "a", first.Token), queue.ErrStaleClaim)
	if err := q.Done(ctx, "a", second.Token); err != nil {
		t.Fatal(err)
	}
}

// A queue that is deleted is gone for all, and its name is free again.
func TestDelete(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "q", queue.Rules{})
	enqueue(t, q, "a")
	if err := q.Delete(ctx, true); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := queue.Open(ctx, c, "q", quiet)
	refusedAs(t, "open what was deleted", err, queue.ErrUnknownQueue)
	again := create(t, c, "q", queue.Rules{MaxEntries: 1})
	enqueue(t, again, "a")
}

// A caller that ends before the verdict is told how to find out.
func TestAnUnknownOutcome(t *testing.T) {
	c := broker(t)
	q := create(t, c, "q", queue.Rules{})
	ctx, stop := context.WithCancel(within(t))
	stop()
	if _, err := q.Enqueue(ctx, queue.Item{ID: "a"}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Enqueue(within(t), queue.Item{ID: "a"}); !errors.Is(err, sharedlog.ErrEnded) {
		t.Fatal(err)
	}
}
