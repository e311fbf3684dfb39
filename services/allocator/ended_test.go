package allocator_test

import (
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// A grant that has ended is told as ended: its range is another's.
func TestAGrantThatHasEndedIsNotGrantedAgain(t *testing.T) {
	_, c := system(t, nil, store.NewMemory())
	ctx := t.Context()
	must(t, c.Create(ctx, ids.Rules{Space: "spi", From: 1, To: 100, Quarantine: -1}))
	for _, end := range []struct {
		id    string
		lease time.Duration
	}{{"released", 0}, {"leased", time.Millisecond}} {
		first := ids.Want{Space: "spi", Count: 4, RequestID: end.id, Owner: "me", Lease: end.lease}
		was, err := c.Grant(ctx, first)
		must(t, err)
		if end.lease == 0 {
			must(t, c.ReleasePart(ctx, was, 1, 2))
			again, err := c.Grant(ctx, first)
			must(t, err)
			if again.Released != 2 || again.From != was.From || again.To != was.To {
				t.Errorf("a part was released: %+v", again)
			}
			must(t, c.Release(ctx, was))
		}
		until(t, "another owner has the range", func() bool {
			other, err := c.Reserve(ctx, ids.Want{Space: "spi", RequestID: end.id + " anew", Owner: "other"}, was.From, was.To)
			return err == nil && other.From == was.From
		})
		_, err = c.Grant(ctx, first)
		if r := refused(t, err, events.CodeGrantEnded); r.Ended <= was.Offset || time.Since(r.EndedAt).Abs() > time.Hour {
			t.Errorf("%s: granted at %d, it is said to have ended at %d, %v: %s", end.id, was.Offset, r.Ended, r.EndedAt, r.Text)
		}
		first.Count++
		_, err = c.Grant(ctx, first)
		refused(t, err, events.CodeRequestMismatch)
	}
}

// What the log frees is proposed at once, by every allocator: no comparison of the store with
// the log has to come first.
func TestWhatIsFreedIsGrantedAtOnce(t *testing.T) {
	shared := store.NewMemory()
	_, c := system(t, func(c *allocator.Config) { c.Reconcile = time.Hour }, shared, shared)
	ctx := t.Context()
	must(t, c.Create(ctx, ids.Rules{Space: "spi", From: 1, To: 1000, Quarantine: -1}))
	take := func(count int64) ids.Grant {
		g, err := c.Grant(ctx, ids.Want{Space: "spi", Count: count, Owner: "me"})
		must(t, err)
		return g
	}
	var held []ids.Grant
	for range 20 { // Request IDs of both allocators.
		held = append(held, take(4), take(2))
	}
	for round := range 20 {
		four, two := held[2*round], held[2*round+1]
		must(t, c.Release(ctx, four))
		if g := take(4); g.From != four.From {
			t.Errorf("%d to %d was free, %d to %d is granted", four.From, four.To, g.From, g.To)
		}
		must(t, c.Release(ctx, two))
		if g := take(1); g.From != two.From {
			t.Errorf("%d to %d was free, %d is granted", two.From, two.To, g.From)
		}
		if g := take(1); g.From != two.To {
			t.Errorf("%d was free, %d is granted", two.To, g.From)
		}
	}
	// What a reservation leaves out is free, too.
	reserved, err := c.Reserve(ctx, ids.Want{Space: "spi"}, 500, 501)
	must(t, err)
	if g := take(5); g.From >= reserved.From {
		t.Errorf("the range behind what is reserved is granted: %d to %d", g.From, g.To)
	}
}

// A refusal is not remembered: the same request may be made again and be granted, and a
// corrected one, too. What was granted first is what the request ID names.
func TestARefusedRequestNamesNothing(t *testing.T) {
	_, c := system(t, nil, store.NewMemory())
	ctx := t.Context()
	must(t, c.Create(ctx, ids.Rules{Space: "spi", From: 1, To: 10, MaxCount: 10, Quarantine: -1}))
	all, err := c.Grant(ctx, ids.Want{Space: "spi", Count: 8, Owner: "me"})
	must(t, err)
	want := ids.Want{Space: "spi", Count: 4, RequestID: "again"}
	_, err = c.Grant(ctx, want)
	refused(t, err, events.CodeExhausted)
	must(t, c.Release(ctx, all))
	g, err := c.Grant(ctx, want)
	must(t, err)
	if g.To-g.From != 3 {
		t.Errorf("%+v", g)
	}
	wrong := ids.Want{Space: "spi", Count: 11, RequestID: "corrected"}
	_, err = c.Grant(ctx, wrong)
	refused(t, err, events.CodeBadCount)
	wrong.Count = 2
	_, err = c.Grant(ctx, wrong)
	must(t, err)
	for _, count := range []int64{1, 11} {
		wrong.Count = count
		_, err = c.Grant(ctx, wrong)
		refused(t, err, events.CodeRequestMismatch)
	}
}
