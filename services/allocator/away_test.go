package allocator

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/services/allocator/store"
)

// absent is a store that may be away.
type absent struct {
	Store
	away atomic.Bool
}

func (a *absent) Holds(context.Context, string) (store.State, error) {
	if a.away.Load() {
		return store.State{}, errors.New("it is away")
	}
	return store.State{}, nil
}

// A store that was away is in nobody's way soon after it is back, though nobody asks.
func TestAStoreThatIsBackIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := trouble.NewBoard(slog.New(slog.DiscardHandler))
		s := &absent{}
		s.away.Store(true)
		g := &granter{store: s, try: board.New("have the store propose"), failed: make(chan struct{}, 1), spaces: map[string]*space{"spi": {}}}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); g.lookAgain(ctx) }()
		g.try.Failed(errors.New("it is away"))
		g.failed <- struct{}{}
		<-time.After(10 * time.Second)
		if board.Err() == nil {
			t.Error("nothing is said of a store that is away")
		}
		s.away.Store(false)
		<-time.After(2 * awayPause)
		if err := board.Err(); err != nil {
			t.Errorf("the store is back, and yet: %v", err)
		}
		stop()
		<-done
	})
}
