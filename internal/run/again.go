package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
)

const (
	// firstPause is how long, more or less, a service that has ended is left before it is
	// started again; each time that it has run for less than steadily it is twice as long.
	firstPause = time.Second
	mostPause  = 30 * time.Second
	steadily   = time.Minute
)

// endedError is the error of a part that ended without being told to.
type endedError struct {
	name string
	err  error // nil if it gave none
}

func (e *endedError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("the %s ended, and gave no reason", e.name)
	}
	return fmt.Sprintf("the %s ended: %s", e.name, strings.TrimPrefix(e.err.Error(), e.name+": "))
}

func (e *endedError) Unwrap() error { return e.err }

// configured tells an end that another start does not mend, for what is configured has to be
// changed: topics that are not as they must be, a log that is a copy, rights that are missing.
func configured(err error) bool {
	var topic *kafka.Misconfigured
	var mirror *eventlog.ReadOnlyError
	return errors.As(err, &topic) || errors.As(err, &mirror) || eventlog.IsDenied(err)
}

// again starts a service again that ended by itself, until it is told to stop or has ended for
// a fault of configuration. Others go on meanwhile; that it is down is logged, and shows on the
// board.
type again struct {
	build func() (service, error)
	board func() *trouble.Board // that of its site, which is there once the service has run
	log   *slog.Logger
	fail  func(name string, err error) // told a fault of configuration
}

// ended follows the service of that name, which has ended with err.
func (a *again) ended(ctx context.Context, name string, err error) {
	try := a.board().New("run the " + name)
	defer try.End()
	for pause, worked := firstPause, true; ; {
		if configured(err) {
			a.fail(name, err)
			return
		}
		wait := pause*3/4 + rand.N(pause/2)
		err = &endedError{name, err}
		if worked { // Else it is down still, of which the board tells.
			a.log.Error("a part ended and is started again; the others go on", "error", err, "in", wait.Round(100*time.Millisecond))
		}
		if !try.Again(ctx, err, wait) {
			return
		}
		began := time.Now()
		worked, err = a.run(ctx, try)
		switch {
		case ctx.Err() != nil:
			return
		case time.Since(began) >= steadily:
			pause = firstPause
		default:
			pause = min(2*pause, mostPause)
		}
	}
}

// run runs the service once more, and says whether it was ready before it ended.
func (a *again) run(ctx context.Context, try *trouble.Try) (worked bool, err error) {
	x, err := a.build()
	if err != nil {
		return false, err
	}
	over, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		select {
		case <-x.Ready():
			try.Passed()
		case <-over:
		}
	}()
	err = x.Run(ctx)
	close(over)
	<-told
	return closed(x.Ready()), err
}
