package task

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/query"
)

// A person who waits for a task on a terminal is told after some seconds what it waits for.
func TestWaitTellsWhyOnATerminal(t *testing.T) {
	s := clitest.Start(t, 1)
	on := clitest.NewScreen(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- program.Run(ctx, []string{"task", "submit", "-k", "bake", "--id", "stuck", "--wait", "--brokers", s.Brokers()[0]},
			cli.Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: on.Tty})
	}()
	tells(t, on)
	stop()
	<-ended
}

// tells waits until a terminal tells what the task waits for.
func tells(t *testing.T, on *clitest.Screen) {
	t.Helper()
	told := make(chan bool, 1)
	go func() {
		_, ok := on.Await(`waits: KIND_UNHANDLED; see "spanway task why stuck"`)
		told <- ok
	}()
	select {
	case ok := <-told:
		if !ok {
			t.Error("it is not told what the task waits for")
		}
	case <-time.After(hang):
		t.Error("it is not told in time what the task waits for")
	}
}

// What waits is looked for again where it was not there at the first look, and told once.
func TestWaitTellsWhyOfATaskThatIsToCome(t *testing.T) {
	on := clitest.NewScreen(t)
	a := cli.NewApp(cli.Streams{Out: on.Tty, Err: on.Tty})
	var looks atomic.Int32
	stop := tellWhy(t.Context(), a, "stuck", time.Millisecond, func(context.Context) (query.Explanation, error) {
		if looks.Add(1) == 1 {
			return query.Explanation{}, errors.New("it is not there yet")
		}
		return query.Explanation{Reason: "KIND_UNHANDLED"}, nil
	})
	tells(t, on)
	stop()
	if n := looks.Load(); n != 2 {
		t.Errorf("it was looked for %d times", n)
	}
}
