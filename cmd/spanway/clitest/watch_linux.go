package clitest

import (
	"context"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

// feed hands on what is written to it, line by line.
type feed chan string

func (f feed) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		f <- line
	}
	return len(b), nil
}

// Watch runs a command that goes on until it is stopped, and returns when it has
// said, as it does to a person, that it misses nothing from now on.
func (p Program) Watch(t *testing.T, args ...string) (lines <-chan string, stop func() (code int)) {
	t.Helper()
	s := NewScreen(t)
	said := make(feed, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- p.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: said, Err: s.Tty})
	}()
	if shown, ok := s.Await("watching"); !ok {
		t.Fatalf("%v does not begin to watch:\n%s", args, shown)
	}
	return said, func() int {
		cancel()
		return <-ended
	}
}
