package delivery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/network"
)

// Tenure delivers while this process owns the log of changes. It is what a global manager tells
// (manager.Delivery), and blocks nothing: what is delivered is a fold of its own. Its methods are
// for one goroutine. Close it behind the global manager.
type Tenure struct {
	// Deliver delivers until ctx ends, such as Service.Run; it calls begun once it does.
	Deliver func(ctx context.Context, begun func()) error
	// Board is told of what ends Deliver before that. It is begun again, later and later, but for a
	// *NewerTermError: then nothing is delivered before the log is owned anew.
	Board *trouble.Board

	stop  context.CancelFunc
	ended chan struct{} // closed when the last Deliver has
}

// Owned begins to deliver, once what was begun before has ended.
func (t *Tenure) Owned(*network.Core) {
	t.Disowned()
	ctx, stop := context.WithCancel(context.Background())
	before, ended := t.ended, make(chan struct{})
	t.stop, t.ended = stop, ended
	go func() {
		defer close(ended)
		if before != nil {
			<-before
		}
		t.deliver(ctx)
	}()
}

func (t *Tenure) deliver(ctx context.Context) {
	try := t.Board.New("deliver to the sites")
	defer try.End()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := t.Deliver(ctx, func() {
			pause = firstPause
			try.Passed()
		})
		var newer *NewerTermError
		switch {
		case ctx.Err() != nil || err == nil:
			return
		case errors.As(err, &newer):
			try.Failed(fmt.Errorf("nothing is delivered any more: %w", err))
			<-ctx.Done()
			return
		case !try.Again(ctx, fmt.Errorf("nothing is delivered: %w", err), pause/2+rand.N(pause/2+1)):
			return
		}
	}
}

// Counted and Observe change nothing: the fold of Deliver follows the log.
func (t *Tenure) Counted(*network.Core, []events.Logged) {}

// Observe is as Counted.
func (t *Tenure) Observe(*network.Core) {}

// Disowned ends what Owned began, and does not wait for that.
func (t *Tenure) Disowned() {
	if t.stop != nil {
		t.stop()
	}
}

// Close ends what Owned began, and waits for that.
func (t *Tenure) Close() {
	t.Disowned()
	if t.ended != nil {
		<-t.ended
	}
}
