package queue_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// Each bad call has its error, by errors.Is, and says what to do; nothing is put in, taken
// out or claimed by it, and the queue goes on: the next good calls are accepted.
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
	enqueues := func(item queue.Item) func() error {
		return func() error { _, err := q.Enqueue(ctx, item); return err }
	}
	claims := func(r queue.Request) func() error {
		return func() error { _, err := q.Claim(ctx, r); return err }
	}
	extend := func(id string, token int64, lease time.Duration) func() error {
		return func() error { _, err := q.Extend(ctx, id, token, lease); return err }
	}
	before := list(t, q)
	for _, c := range []struct {
		name string
		do   func() error
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
		{"remove nothing", func() error { return q.Remove(ctx, "", "") }, queue.ErrBadID},
		{"remove what never was", func() error { return q.Remove(ctx, "never", "") }, queue.ErrUnknownEntry},
		{"remove it twice", func() error { return q.Remove(ctx, "gone", "") }, queue.ErrAlreadyRemoved},
		{"remove for a reason that is too long", func() error { return q.Remove(ctx, "held", strings.Repeat("x", 300)) }, queue.ErrBadData},
		{"claim fewer than none", claims(queue.Request{Count: -1, Lease: time.Second}), queue.ErrBadCount},
		{"claim too many", claims(queue.Request{Count: 1001, Lease: time.Second}), queue.ErrBadCount},
		{"claim for no time", claims(queue.Request{}), queue.ErrBadData},
		{"claim for a year", claims(queue.Request{Lease: 365 * 24 * time.Hour}), queue.ErrBadData},
		{"claim what is claimed", claims(queue.Request{IDs: []string{"held", "claimed"}, Lease: time.Second}), queue.ErrAlreadyClaimed},
		{"claim what never was", claims(queue.Request{IDs: []string{"never"}, Lease: time.Second}), queue.ErrUnknownEntry},
		{"finish under another token", func() error { return q.Done(ctx, "claimed", claimed.Token+1) }, queue.ErrStaleClaim},
		{"finish what is not claimed", func() error { return q.Done(ctx, "held", claimed.Token) }, queue.ErrStaleClaim},
		{"release what is not claimed", func() error { return q.Release(ctx, "held", claimed.Token, "") }, queue.ErrStaleClaim},
		{"release under another token", func() error { return q.Release(ctx, "claimed", claimed.Token+1, "") }, queue.ErrStaleClaim},
		{"release what never was", func() error { return q.Release(ctx, "never", claimed.Token, "") }, queue.ErrUnknownEntry},
		{"claim one twice at once", claims(queue.Request{IDs: []string{"held", "held"}, Lease: time.Second}), queue.ErrBadData},
		{"claim more than all", claims(queue.Request{IDs: make([]string, 1001), Lease: time.Second}), queue.ErrBadCount},
		{"extend for no time", extend("claimed", claimed.Token, 0), queue.ErrBadData},
		{"extend what is gone", extend("gone", claimed.Token, time.Second), queue.ErrStaleClaim},
		{"rules below 0", func() error { return q.Configure(ctx, queue.Rules{MaxBytes: -1}) }, queue.ErrBadData},
		{"another kind of IDs", func() error { return q.Configure(ctx, queue.Rules{IDs: events.QueueIDs_QUEUE_IDS_UUIDV7}) }, queue.ErrBadData},
		{"delete what is held", func() error { return q.Delete(ctx, false) }, queue.ErrHeld},
	} {
		refusedAs(t, c.name, c.do(), c.want)
		goesOn(t, q, before, claimed)
		if t.Failed() {
			t.Fatalf("after %s", c.name)
		}
	}
	if e, err := q.Enqueue(ctx, queue.Item{ID: "held"}); e.ID != "held" || e.Seq != 3 { // Behind three calls that create it.
		t.Errorf("a duplicate stands at %+v: %v", e, err)
	}
	enqueue(t, q, "third")
	refusedAs(t, "beyond its bound", enqueues(queue.Item{ID: "fourth"})(), queue.ErrFull)
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

// goesOn tells whether a queue is as it was, and takes good calls.
func goesOn(t *testing.T, q *queue.Queue, want string, claimed queue.Claimed) {
	t.Helper()
	ctx := within(t)
	if got := list(t, q); got != want {
		t.Errorf("the ordering is%s; it was%s", got, want)
	}
	i, err := q.Info(ctx, true)
	if err != nil || i.Counts.Claimed != 1 {
		t.Errorf("%d are claimed: %v", i.Counts.Claimed, err)
	}
	if _, err := q.Extend(ctx, "claimed", claimed.Token, time.Hour); err != nil {
		t.Errorf("the claim cannot be extended: %v", err)
	}
	e, err := q.Enqueue(ctx, queue.Item{Payload: []byte("good")})
	if err == nil {
		err = q.Remove(ctx, e.ID, "")
	}
	if err != nil {
		t.Errorf("a good call: %v", err)
	}
}

// A queue that another host has deleted refuses what comes, and says so.
func TestADeletedQueueIsRefused(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q, other := create(t, c, "q", queue.Rules{}), open(t, c, "q")
	enqueue(t, q, "a")
	m, err := sharedlog.Encode(events.Encoder{Source: "/test"}, sharedlog.CallID{1}, 0, &events.QueueDeleted{Force: true})
	if err != nil {
		t.Fatal(err)
	}
	// As Delete does before the topics go.
	if _, err := c.Partition("spanway.queue.q", 0).Append(ctx, []events.Record{m}); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]*queue.Queue{"one host": q, "the other": other} {
		_, err := q.Enqueue(ctx, queue.Item{ID: "b"})
		refusedAs(t, name, err, queue.ErrDeleted)
		refusedAs(t, name, q.Remove(ctx, "a", ""), queue.ErrDeleted)
	}
	_, err = queue.Open(ctx, c, "q", quiet)
	refusedAs(t, "open it", err, queue.ErrDeleted)
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
		call(7, 0, &events.QueueEnqueued{}),
		call(8, 0, &events.QueueEnqueued{Id: strings.Repeat("x", 10<<10)}),
		call(9, 0, &events.QueueEnqueued{Id: "large", Payload: make([]byte, 300<<10)}),
		call(6, 0, &events.QueueEnqueued{Id: "well formed"}),
		call(6, 0, &events.QueueEnqueued{Id: "another body under the same call"}),
	}); err != nil {
		t.Fatal(err)
	}
	enqueue(t, q, "b")
	got := list(t, q)
	if want := " a@1 well formed@13 b@15"; got != want {
		t.Fatalf("the ordering is%s; want%s", got, want)
	}
	if late := list(t, open(t, c, "q")); late != got {
		t.Fatalf("a host that starts sees%s", late)
	}
}

// What a queue holds that is not deleted for it is in the refusal, and what has claims.
func TestAHeldQueueSaysWhatHoldsIt(t *testing.T) {
	ctx := within(t)
	q := create(t, broker(t), "q", queue.Rules{})
	enqueue(t, q, "free", "first", "second")
	c, err := q.Claim(ctx, queue.Request{IDs: []string{"second", "first"}, Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	first, _, _, err := q.Find(ctx, "first", true)
	if err != nil || first.Claim.Token != c.Token {
		t.Fatalf("%+v, %v", first, err)
	}
	want := &queue.Holding{Entries: 3, Claimed: 2, Holders: []queue.Holder{{Name: first.Claim.Holder, Entries: 2, First: first}}}
	var r *queue.Refused
	if err := q.Delete(ctx, false); !errors.As(err, &r) || !reflect.DeepEqual(r.Held, want) {
		t.Errorf("deleting it: %v: %+v; want %+v", err, r.Held, want)
	}
}
