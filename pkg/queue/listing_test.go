package queue_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// shown is an entry as text, with its claim and what it holds.
func shown(e queue.Entry, p queue.Payload) string {
	claim := "free"
	if e.Claim != nil {
		claim = fmt.Sprintf("%d by %s", e.Claim.Token, e.Claim.Holder)
	}
	return fmt.Sprintf("%s@%d %d %s %q", e.ID, e.Seq, e.Size, claim, p.Data)
}

// together lists the queue and asks a host, both of the same place in the log.
func together(ctx context.Context, t *testing.T, c *cluster.Cluster, q *queue.Queue) (*queue.Listing, queue.Page) {
	t.Helper()
	for {
		l, err := queue.List(ctx, c, "q", quiet)
		if err != nil {
			t.Fatal(err)
		}
		page, err := q.Entries(ctx, -1, queue.MaxPage, true)
		switch {
		case err != nil:
			t.Fatal(err)
		case l.At() == page.At:
			return l, page
		}
		l.Close() // The keeper has moved the time of the log between the two.
	}
}

// same compares a listing with what a host says of the same place.
func same(t *testing.T, c *cluster.Cluster, q *queue.Queue) {
	t.Helper()
	ctx := within(t)
	l, page := together(ctx, t, c, q)
	defer l.Close()
	i, after := 0, int64(-1)
	for e, err := range l.Entries(-1) {
		if err != nil || i == len(page.Entries) {
			t.Fatalf("%d entries, and then %+v: %v", i, e, err)
		}
		got, err := l.Payload(ctx, e)
		if err != nil {
			t.Fatal(err)
		}
		want, err := q.Payload(ctx, page.Entries[i])
		if err != nil {
			t.Fatal(err)
		}
		if got, want := shown(e, got), shown(page.Entries[i], want); got != want {
			t.Fatalf("entry %d is %s, of the host %s", i, got, want)
		}
		if i++; i == len(page.Entries)/2 {
			after = e.Seq
		}
	}
	rest := 0
	for range l.Entries(after) {
		rest++
	}
	if half := len(page.Entries) / 2; i != len(page.Entries) || rest != i-half {
		t.Fatalf("there are %d entries, %d of them behind the first %d; the host has %d", i, rest, half, len(page.Entries))
	}
}

// What lists a queue without being its host says what a host says, of all that was in the
// log before: from offset 0, from a snapshot, and when the log is truncated.
func TestAListingIsThatOfAHost(t *testing.T) {
	ctx, c := within(t), broker(t)
	if err := queue.Create(ctx, c, "q", queue.Rules{MaxEntries: 60}, quiet); err != nil {
		t.Fatal(err)
	}
	o := truncating
	o.Holder = "holder"
	q, err := queue.Open(ctx, c, "q", o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	log := c.Partition("spanway.queue.q", 0)
	r := rand.New(rand.NewPCG(1, 2))
	stranger := events.Record{Value: []byte("no call")}
	var taken []queue.Claimed
	for i := 0; ; i++ {
		start, _, err := c.Offsets(ctx, "spanway.queue.q", 0)
		if err != nil {
			t.Fatal(err)
		}
		if start > 200 { // The keeper has its own time for it.
			break
		}
		id := fmt.Sprint("e", i-r.IntN(30)) // Some are there, and some were removed.
		_, err = q.Enqueue(ctx, queue.Item{ID: id, Payload: []byte("payload of " + id)})
		switch {
		case err != nil && !errors.As(err, new(*queue.Refused)):
			t.Fatal(err)
		case i%5 == 4:
			_ = q.Remove(ctx, fmt.Sprint("e", i-r.IntN(40)), "") // Most are there.
		case i%7 == 6:
			if claimed, err := q.Claim(ctx, queue.Request{Count: 2, Lease: time.Hour}); err == nil {
				taken = append(taken, claimed)
			}
		case i%11 == 10 && len(taken) > 0:
			_ = q.Done(ctx, taken[0].Entries[0].ID, taken[0].Token) // It may be removed.
			taken = taken[1:]
		case i%13 == 12:
			if _, err := log.Append(ctx, []events.Record{stranger}); err != nil {
				t.Fatal(err)
			}
		}
		_ = q.Remove(ctx, fmt.Sprint("e", i-50), "") // So that the log can be truncated.
		if i%500 == 20 {
			same(t, c, q)
		}
	}
	same(t, c, q)
}

func TestWhatCannotBeListed(t *testing.T) {
	ctx, c := within(t), broker(t)
	_, err := queue.List(ctx, c, "nothing", quiet)
	refusedAs(t, "no such queue", err, queue.ErrUnknownQueue)
	q := create(t, c, "q", queue.Rules{})
	enqueue(t, q, "a")
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "nothing"))
	var file *fs.PathError
	if l, err := queue.List(ctx, c, "q", quiet); !errors.As(err, &file) || eventlog.Final(err) || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("without a directory for temporary files: %v, %v", l, err)
	}
}
