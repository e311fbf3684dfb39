package queue_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// sequences are the rules of a queue whose IDs are one.
var sequences = queue.Rules{IDs: events.QueueIDs_QUEUE_IDS_SEQUENCE}

// Two hosts see one sequence: each number once, in order, whoever puts it in; what is repeated
// has its place; an older term is refused at both.
func TestASequence(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	a := create(t, c, "site", sequences)
	b := open(t, c, "site")
	enqueue(t, a, "1-1", "1-2", "1-3")
	e, err := b.Enqueue(ctx, queue.Item{ID: "1-2"})
	refusedAs(t, "put in again", err, queue.ErrDuplicate)
	if e.ID != "1-2" || e.Seq != 2 {
		t.Errorf("1-2 stands at %+v", e)
	}
	if _, err := b.Enqueue(ctx, queue.Item{ID: "2-4"}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]error{"1-5": queue.ErrOldTerm, "2-6": queue.ErrOutOfSequence, "2-3": queue.ErrOutOfSequence, "x": queue.ErrBadID, "": queue.ErrBadID} {
		_, err := a.Enqueue(ctx, queue.Item{ID: id})
		refusedAs(t, "enqueue "+id, err, want)
		if errors.Is(want, queue.ErrOutOfSequence) && !strings.Contains(err.Error(), "the last entry was 2-4, and the next number is 5") {
			t.Errorf("it does not say what is next: %v", err)
		}
	}
	if err := a.Remove(ctx, "1-2", "withdrawn"); err != nil {
		t.Fatal(err)
	}
	_, err = b.Enqueue(ctx, queue.Item{ID: "2-4"})
	refusedAs(t, "put in again", err, queue.ErrDuplicate)
	for _, q := range []*queue.Queue{a, b} {
		i, err := q.Info(ctx, true)
		if err != nil || i.Last != (queue.Sequence{Term: 2, Number: 4}) || i.Next != 5 || i.Counts.Entries != 3 {
			t.Errorf("%+v, %v", i, err)
		}
	}
}

// A trim takes out what it says at every host, and a copy of it changes nothing more.
func TestTrim(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "site", sequences)
	enqueue(t, q, "1-1", "1-2", "1-3")
	claimed, err := q.Claim(ctx, queue.Request{Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Trim(ctx, 2, "full sync"); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, "finish what was trimmed", q.Done(ctx, "1-1", claimed.Token), queue.ErrStaleClaim)
	refusedAs(t, "remove what was trimmed", q.Remove(ctx, "1-2", ""), queue.ErrAlreadyRemoved)
	if got := list(t, open(t, c, "site")); got != " 1-3@3" {
		t.Errorf("the ordering is%s", got)
	}
	for range 2 {
		if err := q.Trim(ctx, 100, "full sync"); err != nil {
			t.Fatal(err)
		}
	}
	enqueue(t, q, "2-101")
	for _, through := range []uint64{0, math.MaxUint64} {
		refusedAs(t, "trim nothing", q.Trim(ctx, through, ""), queue.ErrBadData)
	}
	refusedAs(t, "trim for a reason that is too long", q.Trim(ctx, 1, strings.Repeat("x", 300)), queue.ErrBadData)
	other := create(t, c, "other", queue.Rules{})
	err = other.Trim(ctx, 1, "")
	refusedAs(t, "trim what has no numbers", err, queue.ErrBadData)
	if !strings.Contains(err.Error(), "no sequence") {
		t.Errorf("it does not say why: %v", err)
	}
}

// A host that begins at a snapshot knows the sequence: nothing returns, and it goes on.
func TestASequenceSurvives(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	if err := queue.Create(ctx, c, "site", sequences, quiet); err != nil {
		t.Fatal(err)
	}
	keeper, err := queue.Open(ctx, c, "site", truncating)
	if err != nil {
		t.Fatal(err)
	}
	n := uint64(0)
	for start := int64(0); start < 200; {
		if ctx.Err() != nil {
			t.Fatal("the log was not truncated")
		}
		for range 50 {
			n++
			id := queue.Sequence{Term: 1 + n/100, Number: n}.String()
			if _, err := keeper.Enqueue(ctx, queue.Item{ID: id}); err != nil {
				t.Fatal(err)
			}
			if err := keeper.Remove(ctx, id, ""); err != nil {
				t.Fatal(err)
			}
		}
		if start, _, err = c.Offsets(ctx, "spanway.queue.site", 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := keeper.Close(); err != nil {
		t.Fatal(err)
	}
	q := open(t, c, "site")
	last := queue.Sequence{Term: 1 + n/100, Number: n}
	if i, err := q.Info(ctx, true); err != nil || i.Last != last {
		t.Fatalf("the last is %v, want %v; %v", i.Last, last, err)
	}
	if _, err := q.Enqueue(ctx, queue.Item{ID: last.String()}); !errors.Is(err, queue.ErrAlreadyRemoved) {
		t.Errorf("%v returns: %v", last, err)
	}
	last.Number++
	enqueue(t, q, last.String())
}
