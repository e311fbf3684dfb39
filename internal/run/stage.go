package run

import (
	"context"
	"fmt"
)

// stage is a part that runs until it is stopped, after those that need it.
type stage struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done
}

// begin runs a part under a context of its own, so that the end of the caller's
// does not stop all parts at once; failed is told if it ends by itself.
func begin(ctx context.Context, name string, failed chan<- error, run func(context.Context) error) *stage {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &stage{name: name, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = run(ctx)
		if ctx.Err() != nil {
			return
		}
		err := fmt.Errorf("%s ended by itself: %w", name, s.err)
		if s.err == nil {
			err = fmt.Errorf("%s ended by itself", name)
		}
		select {
		case failed <- err:
		default: // Another part failed first.
		}
	}()
	return s
}

func (s *stage) stop() {
	s.cancel()
	<-s.done
}
