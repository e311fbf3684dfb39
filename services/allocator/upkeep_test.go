package allocator_test

import (
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// until waits until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s: not in time", what)
		}
	}
}

var topics = events.Topics{Prefix: events.DefaultPrefix}

// What is answered is deleted from the requests.
func TestRequestsAreDeleted(t *testing.T) {
	c, i := system(t, nil, store.NewMemory())
	must(t, i.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 100}))
	_, err := i.Grant(t.Context(), ids.Want{Space: "spi", RequestID: "a"})
	must(t, err)
	until(t, "delete the request", func() bool {
		start, end, err := c.Offsets(t.Context(), topics.IDRequests(), events.RequestPartition("a"))
		return err == nil && start == end && start > 0
	})
}

// What cannot be read is a dead letter, and what comes behind it is handled.
func TestNonsenseIsADeadLetter(t *testing.T) {
	c, i := system(t, nil, store.NewMemory())
	producer := c.Kafka().Producer(kafka.ProducerOptions{})
	sent := make(chan error, 1)
	n := events.RequestPartition("a")
	producer.Send(t.Context(), topics.IDRequests(), n, events.Record{Key: []byte("a"), Value: []byte("nonsense")}, func(_ int64, err error) { sent <- err })
	must(t, <-sent)
	must(t, producer.Close(t.Context()))
	must(t, i.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 100}))
	_, err := i.Grant(t.Context(), ids.Want{Space: "spi", RequestID: "a"})
	must(t, err)
	until(t, "write a dead letter", func() bool {
		_, end, err := c.Offsets(t.Context(), topics.DeadLetters(), 0)
		return err == nil && end > 0
	})
}

// What the store holds and the log does not is returned; what is granted is settled.
func TestTheReconcilerReturns(t *testing.T) {
	s := store.NewMemory()
	_, i := system(t, func(c *allocator.Config) { c.Reconcile = 5 * time.Millisecond }, s)
	must(t, i.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 100}))
	space := store.Space{Name: "spi", From: 1, To: 100, Next: 1}
	_, err := s.Fill(t.Context(), space, nil)
	must(t, err)
	_, err = s.Propose(t.Context(), store.Batch{Space: space, Wants: []store.Want{{RequestID: "of a crash", Count: 5}}})
	must(t, err)
	g, err := i.Grant(t.Context(), ids.Want{Space: "spi", Count: 3, RequestID: "a"})
	must(t, err)
	var held store.State
	until(t, "return what nothing came of", func() bool {
		held, err = s.Holds(t.Context(), "spi")
		must(t, err)
		return len(held.Proposed) == 0 && len(held.Free) > 0
	})
	// Which came first, the request or the reconciler, is open.
	for _, f := range held.Free {
		if f.From <= g.To && g.From <= f.To {
			t.Errorf("%v is free, and %+v granted", f, g)
		}
	}
	must(t, i.Delete(t.Context(), "spi", true))
	until(t, "forget a space that was deleted", func() bool {
		held, err := s.Holds(t.Context(), "spi")
		must(t, err)
		return !held.Known
	})
}

// A proposal that the log refuses is followed by one from a store that was raised to the
// log: what the store has as free and the log has not costs one proposal more, however much
// that is.
func TestARefusalRaisesTheStore(t *testing.T) {
	s := &proposing{Store: store.NewMemory()}
	_, i := system(t, nil, s)
	must(t, i.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1000}))
	_, err := i.Grant(t.Context(), ids.Want{Space: "spi"})
	must(t, err)
	_, err = i.Reserve(t.Context(), ids.Want{Space: "spi"}, 2, 500)
	must(t, err)
	// The store has as free what the log has granted, as one of yesterday would.
	_, err = s.Fill(t.Context(), store.Space{Name: "spi", From: 1, To: 1000, Next: 501}, []store.Range{{From: 2, To: 500}})
	must(t, err)
	before := s.n.Load()
	g, err := i.Grant(t.Context(), ids.Want{Space: "spi"})
	must(t, err)
	if n := s.n.Load() - before; g.From != 501 || n != 2 {
		t.Errorf("%d is granted after %d proposals; want 501 after 2", g.From, n)
	}
}
