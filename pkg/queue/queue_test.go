package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
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

// Each refusal has its error, by errors.Is, and says what to do; the queue goes on.
func TestBadInput(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	_, err := queue.Open(ctx, c, "nothing", quiet)
	refusedAs(t, "open what is not there", err, queue.ErrUnknownQueue)
	for _, name := range []string{"", "a/b", "x.snapshots", strings.Repeat("x", 101)} {
		if _, err := queue.Open(ctx, c, name, quiet); err == nil {
			t.Errorf("a queue of the name %q was opened", name)
		}
	}
	q := create(t, c, "q", queue.Rules{MaxEntries: 3, MaxEntryBytes: 100})
	refusedAs(t, "create it otherwise", queue.Create(ctx, c, "q", queue.Rules{}, quiet), queue.ErrExists)
	if err := queue.Create(ctx, c, "q", queue.Rules{MaxEntries: 3, MaxEntryBytes: 100}, quiet); err != nil {
		t.Error(err)
	}
	enqueue(t, q, "held", "gone", "claimed")
	if err := q.Remove(ctx, "gone", ""); err != nil {
		t.Fatal(err)
	}
	claimed, err := q.Claim(ctx, queue.Request{IDs: []string{"claimed"}, Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	enqueues := func(item queue.Item) error {
		_, err := q.Enqueue(ctx, item)
		return err
	}
	claims := func(r queue.Request) error {
		_, err := q.Claim(ctx, r)
		return err
	}
	extend := func(id string, token int64, lease time.Duration) error {
		_, err := q.Extend(ctx, id, token, lease)
		return err
	}
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"10 MB", enqueues(queue.Item{ID: "n", Payload: make([]byte, 10<<20)}), queue.ErrTooLarge},
		{"more than its rules allow", enqueues(queue.Item{ID: "n", Payload: make([]byte, 101)}), queue.ErrTooLarge},
		{"an ID of 10 KB", enqueues(queue.Item{ID: strings.Repeat("x", 10<<10)}), queue.ErrBadID},
		{"control characters", enqueues(queue.Item{ID: "a\x1b[2J"}), queue.ErrBadID},
		{"not UTF-8", enqueues(queue.Item{ID: "\xff"}), queue.ErrBadID},
		{"a time far ahead", enqueues(queue.Item{ID: "ffffffff-ffff-7fff-8fff-ffffffffffff"}), queue.ErrBadID},
		{"a type with a line break", enqueues(queue.Item{ID: "n", Type: "a\nb"}), queue.ErrBadData},
		{"a duplicate", enqueues(queue.Item{ID: "held"}), queue.ErrDuplicate},
		{"what was removed", enqueues(queue.Item{ID: "gone"}), queue.ErrAlreadyRemoved},
		{"remove nothing", q.Remove(ctx, "", ""), queue.ErrBadID},
		{"remove what never was", q.Remove(ctx, "never", ""), queue.ErrUnknownEntry},
		{"remove it twice", q.Remove(ctx, "gone", ""), queue.ErrAlreadyRemoved},
		{"remove for a reason that is too long", q.Remove(ctx, "held", strings.Repeat("x", 300)), queue.ErrBadData},
		{"claim fewer than none", claims(queue.Request{Count: -1, Lease: time.Second}), queue.ErrBadCount},
		{"claim too many", claims(queue.Request{Count: 1001, Lease: time.Second}), queue.ErrBadCount},
		{"claim for no time", claims(queue.Request{}), queue.ErrBadData},
		{"claim for a year", claims(queue.Request{Lease: 365 * 24 * time.Hour}), queue.ErrBadData},
		{"claim what is claimed", claims(queue.Request{IDs: []string{"held", "claimed"}, Lease: time.Second}), queue.ErrAlreadyClaimed},
		{"claim what never was", claims(queue.Request{IDs: []string{"never"}, Lease: time.Second}), queue.ErrUnknownEntry},
		{"finish under another token", q.Done(ctx, "claimed", claimed.Token+1), queue.ErrStaleClaim},
		{"finish what is not claimed", q.Done(ctx, "held", claimed.Token), queue.ErrStaleClaim},
		{"release what is not claimed", q.Release(ctx, "held", claimed.Token, ""), queue.ErrStaleClaim},
		{"extend for no time", extend("claimed", claimed.Token, 0), queue.ErrBadData},
		{"extend what is gone", extend("gone", claimed.Token, time.Second), queue.ErrStaleClaim},
		{"rules below 0", q.Configure(ctx, queue.Rules{MaxBytes: -1}), queue.ErrBadData},
		{"another kind of IDs", q.Configure(ctx, queue.Rules{IDs: events.QueueIDs_QUEUE_IDS_UUIDV7}), queue.ErrBadData},
		{"delete what is held", q.Delete(ctx, false), queue.ErrHeld},
	} {
		refusedAs(t, c.name, c.err, c.want)
	}
	if e, err := q.Enqueue(ctx, queue.Item{ID: "held"}); e.ID != "held" || e.Seq != 3 { // Behind three calls that create it.
		t.Errorf("a duplicate stands at %+v: %v", e, err)
	}
	enqueue(t, q, "third")
	refusedAs(t, "beyond its bound", enqueues(queue.Item{ID: "fourth"}), queue.ErrFull)
	refusedAs(t, "delete what is held", q.Delete(ctx, false), queue.ErrHeld)
	if err := q.Delete(ctx, false); err == nil || !strings.Contains(err.Error(), "3 entries, of which 1 are claimed by") {
		t.Errorf("the holders are not named: %v", err)
	}
}

// refusedAs tells whether err is that refusal, and says what to do.
func refusedAs(t *testing.T, name string, err, want error) {
	t.Helper()
	var r *queue.Refused
	if !errors.Is(err, want) || !errors.As(err, &r) {
		t.Errorf("%s: %v; want %v", name, err, want)
		return
	}
	if text := err.Error(); !strings.Contains(text, string(r.Code)) || !strings.Contains(text, ";") || strings.ContainsAny(text, "\x1b\n") || len(text) > 600 {
		t.Errorf("%s: the error says %q", name, text)
	}
}

// Strangers may write anything to the log: the fold leaves it out, or refuses it, and goes
// on.
func TestStrangers(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "q", queue.Rules{})
	enqueue(t, q, "a")
	encoder := events.Encoder{Source: "/stranger"}
	call := func(n byte, seen int64, m *events.QueueEnqueued) events.Record {
		r, err := sharedlog.Encode(encoder, sharedlog.CallID{n}, seen, m)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	plain, err := encoder.Encode("id", &events.QueueEnqueued{Id: "no call"})
	if err != nil {
		t.Fatal(err)
	}
	short := call(1, 0, &events.QueueEnqueued{Id: "short call"})
	for i, h := range short.Headers {
		if h.Key == events.HeaderCall {
			short.Headers[i].Value = h.Value[:5]
		}
	}
	broken := call(2, 0, &events.QueueEnqueued{Id: "broken"})
	broken.Value = bytes.Repeat([]byte{0xff}, 50)
	if _, err := c.Partition("spanway.queue.q", 0).Append(ctx, []events.Record{
		{}, {Key: []byte("k"), Value: []byte("hello")}, plain, short, broken,
		call(3, 1<<40, &events.QueueEnqueued{Id: "from the future"}),
		call(4, -1, &events.QueueEnqueued{Id: "from before"}),
		call(5, 0, &events.QueueEnqueued{Id: "esc\x1b[2J"}),
		call(6, 0, &events.QueueEnqueued{Id: "well formed"}),
		call(6, 0, &events.QueueEnqueued{Id: "the same call again"}),
	}); err != nil {
		t.Fatal(err)
	}
	enqueue(t, q, "b")
	got := list(t, q)
	if want := " a@1 well formed@10 b@12"; got != want {
		t.Fatalf("the ordering is%s; want%s", got, want)
	}
	if late := list(t, open(t, c, "q")); late != got {
		t.Fatalf("a host that starts sees%s", late)
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
