package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/queue"
)

// A watcher is told of what is there and of each change, in order.
func TestWatch(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "q", queue.Rules{})
	other := open(t, c, "q")
	enqueue(t, other, "a", "b", "c")
	var got []string
	enough := errors.New("enough")
	changes := func() {
		if err := other.Remove(ctx, "c", "why not"); err != nil {
			t.Error(err)
		}
		work, err := other.Claim(ctx, queue.Request{Lease: time.Minute})
		if err != nil {
			t.Error(err)
		}
		if _, err := other.Extend(ctx, "b", work.Token, time.Minute); err != nil {
			t.Error(err)
		}
		enqueue(t, other, "d")
		if err := other.Done(ctx, "b", work.Token); err != nil {
			t.Error(err)
		}
	}
	if err := other.Remove(ctx, "a", ""); err != nil {
		t.Fatal(err)
	}
	var changing sync.WaitGroup
	defer changing.Wait()
	if _, _, _, err := q.Find(ctx, "a", true); err != nil { // It has read all that.
		t.Fatal(err)
	}
	err := q.Watch(ctx, -1, func(c queue.Change) error {
		got = append(got, fmt.Sprintf("%s %s", c.Kind, c.Entry.ID))
		if len(got) == 2 {
			changing.Go(changes)
		}
		if c.Kind == queue.WasDone {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	want := "enqueued b, enqueued c, removed c, claimed b, extended b, enqueued d, done b"
	if text := strings.Join(got, ", "); text != want {
		t.Fatalf("told of %s; want %s", text, want)
	}
}

// What is enqueued while a watcher lists the entries, page by page, is told of once.
func TestWatchMissesNothing(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "q", queue.Rules{})
	const n = 1500 // More than one page.
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	enqueue(t, q, ids...)
	var told []string
	err := q.Watch(ctx, -1, func(c queue.Change) error {
		if c.Kind == queue.WasRemoved {
			return errEnough
		}
		told = append(told, c.Entry.ID)
		switch {
		case c.Kind != queue.WasEnqueued || c.Offset != c.Entry.Seq:
			return fmt.Errorf("told of %s %+v", c.Kind, c.Entry)
		case len(told) == 1:
			enqueue(t, q, "late")
			return q.Remove(ctx, "0", "")
		}
		return nil
	})
	if want := slices.Concat(ids, []string{"late"}); !errors.Is(err, errEnough) || !slices.Equal(told, want) {
		t.Fatalf("told of %q: %v", told[min(len(told), n-1):], err)
	}
}
