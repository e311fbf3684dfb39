package allocator_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// slow is a store that proposes when it is let.
type slow struct {
	allocator.Store
	asked func()
	let   chan struct{}
}

func (s slow) Propose(ctx context.Context, b store.Batch) ([]store.Proposal, error) {
	s.asked()
	<-s.let
	return s.Store.Propose(ctx, b)
}

// begin runs an allocator until stop is called, which tells it to end; ended has its error.
func begin(t *testing.T, a *allocator.Service) (stop func(), ended chan error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(stop)
	ended = make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	return stop, ended
}

// An allocator that is told to end answers what it has taken, without another one.
func TestWhatWasTakenIsAnsweredBeforeAnAllocatorEnds(t *testing.T) {
	c, release := connect(t)
	t.Cleanup(release)
	asked, let := make(chan struct{}), make(chan struct{})
	stop, ended := begin(t, newService(t, c, slow{store.NewMemory(), sync.OnceFunc(func() { close(asked) }), let}, nil))
	i := client(t, c)
	must(t, i.Create(t.Context(), ids.Rules{Space: "spi", From: 1, To: 100}))
	answered := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := i.Grant(ctx, ids.Want{Space: "spi"})
		answered <- err
	}()
	select {
	case <-asked:
	case <-time.After(time.Minute):
		t.Fatal("the request does not come to the store")
	}
	stop()
	close(let)
	must(t, <-answered)
	must(t, <-ended)
}

// A release that an allocator decides while it is told to end is answered by it: sent again to
// the next one it would be refused with GRANT_ENDED.
func TestReleasesThatAreDecidedAreAnsweredBeforeAnAllocatorEnds(t *testing.T) {
	c, release := connect(t)
	t.Cleanup(release)
	stop, ended := begin(t, newService(t, c, store.NewMemory(), nil))
	i := client(t, c)
	ctx := t.Context()
	must(t, i.Create(ctx, ids.Rules{Space: "spi", From: 1, To: 10_000}))
	var held []ids.Grant
	for n := range 200 {
		g, err := i.Grant(ctx, ids.Want{Space: "spi", RequestID: fmt.Sprint(n), Owner: "me"})
		must(t, err)
		held = append(held, g)
	}
	var all sync.WaitGroup
	some := make(chan struct{}, len(held))
	for _, g := range held {
		all.Go(func() {
			if err := i.Release(ctx, g); err != nil {
				t.Errorf("release %s: %v", g.RequestID, err)
			}
			some <- struct{}{}
		})
	}
	for range 20 {
		<-some
	}
	stop()
	must(t, <-ended)
	run(t, newService(t, c, store.NewMemory(), nil))
	all.Wait()
}
