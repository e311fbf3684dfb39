package queue_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/pkg/queue"
)

var errEnough = errors.New("enough")

// Each entry is applied once and in the order, also those that come meanwhile; a process
// goes on from where it was; what was taken out before is left out.
func TestReplicate(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "q", queue.Rules{})
	writer := open(t, c, "q")
	enqueue(t, writer, "1", "2", "3")
	if err := writer.Remove(ctx, "2", ""); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := q.Find(ctx, "2", true); err != nil { // It has read all that.
		t.Fatal(err)
	}
	var applied []string
	var writing sync.WaitGroup // It learns its verdicts later than the other applies its entries.
	defer writing.Wait()
	at := int64(-1)
	follow := func(until string) {
		t.Helper()
		err := q.Replicate(ctx, at, func(e queue.Entry, p queue.Payload) error {
			if e.Seq <= at || string(p.Data) != "payload of "+e.ID {
				t.Errorf("%s at %d comes after %d, with %q", e.ID, e.Seq, at, p.Data)
			}
			at, applied = e.Seq, append(applied, e.ID)
			if e.ID == "3" { // The next ones come while it waits.
				writing.Go(func() {
					for _, id := range []string{"4", "5", "6"} {
						if _, err := writer.Enqueue(ctx, queue.Item{ID: id, Payload: []byte("payload of " + id)}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			if e.ID == until {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
	}
	follow("5")
	follow("6")
	if text := strings.Join(applied, " "); text != "1 3 4 5 6" {
		t.Fatalf("applied %s", text)
	}
	err := q.Replicate(ctx, 1_000_000, func(queue.Entry, queue.Payload) error { return nil })
	var diverged *queue.Diverged
	if !errors.As(err, &diverged) || diverged.Applied != 1_000_000 {
		t.Fatalf("the log ends before what was applied: %v", err)
	}
}

// A payload that the log does not have is an error that says so.
func TestPayloadsThatAreNotThere(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "q", queue.Rules{})
	enqueue(t, q, "a", "b")
	for _, e := range []queue.Entry{{ID: "a", Seq: 2}, {ID: "a", Seq: 0}} {
		if _, err := q.Payload(ctx, e); err == nil || !strings.Contains(err.Error(), "another record stands there") {
			t.Errorf("%+v: %v", e, err)
		}
	}
	var gone *queue.Gone
	if _, err := q.Payload(ctx, queue.Entry{ID: "a", Seq: 99}); !errors.As(err, &gone) {
		t.Error(err)
	}
}

// The IDs that are made are those of the kind, grow, and need no broker.
func TestUUIDs(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "q", queue.Rules{IDs: events.QueueIDs_QUEUE_IDS_UUIDV7})
	var ids []string
	for range 100 {
		e, err := q.Enqueue(ctx, queue.Item{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Fatalf("%q", ids)
	}
	_, err := q.Enqueue(ctx, queue.Item{ID: "not a UUID"})
	refusedAs(t, "another kind", err, queue.ErrBadID)
	if _, err := q.Claim(ctx, queue.Request{Count: 100, Lease: time.Hour}); err != nil {
		t.Fatal(err)
	}
}

// An ids.Generator makes IDs of entries.
var _ queue.IDs = (*ids.Generator)(nil)

// numbers are IDs of a space, as a generator hands them out.
type numbers struct{ last atomic.Int64 }

func (n *numbers) NewID(context.Context) (string, error) {
	return strconv.FormatInt(n.last.Add(1), 10), nil
}

// A queue of numbers of a space takes no others, and remembers those that were taken out as
// intervals.
func TestNumbersOfASpace(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	create(t, c, "q", queue.Rules{IDs: events.QueueIDs_QUEUE_IDS_SPACE, Space: "orders"})
	q, err := queue.Open(ctx, c, "q", queue.Options{Logger: quiet.Logger, IDs: &numbers{}})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if _, err := q.EnqueueAll(ctx, make([]queue.Item, 50)); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 40; n++ {
		if err := q.Remove(ctx, strconv.Itoa(n), ""); err != nil {
			t.Fatal(err)
		}
	}
	i, err := q.Info(ctx, true)
	if err != nil || i.Counts.Entries != 10 || i.Counts.Removed != 1 || i.Head.ID != "41" {
		t.Fatalf("%+v: %v", i, err)
	}
	_, err = q.Enqueue(ctx, queue.Item{ID: "7"})
	refusedAs(t, "a number that was taken out", err, queue.ErrAlreadyRemoved)
	_, err = q.Enqueue(ctx, queue.Item{ID: "seven"})
	refusedAs(t, "no number", err, queue.ErrBadID)
}
