package allocator_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// silent is a store that does not answer to what is proposed.
type silent struct {
	allocator.Store
	asked func()
}

func (s silent) Propose(ctx context.Context, _ store.Batch) ([]store.Proposal, error) {
	s.asked()
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// A request is acknowledged to the group only when it is answered: an allocator that ends
// before leaves it to the next one.
func TestARequestIsAcknowledgedOnceItIsAnswered(t *testing.T) {
	c, release := connect(t)
	t.Cleanup(release)
	asked := make(chan struct{})
	first := newService(t, c, silent{store.NewMemory(), sync.OnceFunc(func() { close(asked) })}, nil)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- first.Run(ctx) }()
	i := client(t, c)
	must(t, i.Create(t.Context(), ids.Rules{Space: "spi", From: 1, To: 100}))
	answered := make(chan error, 1)
	go func() {
		_, err := i.Grant(t.Context(), ids.Want{Space: "spi", RequestID: "a"})
		answered <- err
	}()
	select {
	case <-asked: // The request is taken, and has no verdict.
	case <-time.After(time.Minute):
		t.Fatal("the request does not come to the store")
	}
	stop()
	must(t, <-ended)
	run(t, newService(t, c, store.NewMemory(), nil))
	must(t, <-answered)
}
