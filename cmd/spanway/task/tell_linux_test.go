package task

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
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
	stop()
	<-ended
}
