package link

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// calls runs commands of links that must succeed.
func calls(t *testing.T, brokers string) func(args ...string) {
	return func(args ...string) {
		t.Helper()
		if _, text, code := program.Call(t.Context(), "", append(append([]string{"link"}, args...), "--brokers", brokers)...); code != 0 {
			t.Fatalf("link %q: %s", args, text)
		}
	}
}

// A program that watches is given a line for each link that stands otherwise than before.
func TestWatch(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	call := calls(t, brokers)
	call("apply", "orders", "--source", "ams", "--include", "orders")
	call("apply", "other", "--source", "ams", "--include", "other")
	lines, stop := program.Watch(t, "link", "watch", "orders", "--brokers", brokers)
	await := func(text string) {
		t.Helper()
		line, ok := <-lines
		for ok && text == "unattended" && strings.Contains(line, "starting") {
			line, ok = <-lines // It is said to be starting for a while.
		}
		if !ok || !strings.HasPrefix(line, "orders") || !strings.Contains(line, text) {
			t.Fatalf("the line is %q; want %q of orders", line, text)
		}
	}
	await("unattended")
	call("pause", "other")
	call("pause", "orders")
	await("paused")
	call("delete", "orders")
	await("deleted")
	if code := stop(); code != cli.ExitInterrupted {
		t.Errorf("link watch ends with %d when it is stopped", code)
	}
}

// On a terminal there is one table, which is drawn again in its place as links change.
func TestWatchOnATerminal(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	call := calls(t, brokers)
	call("apply", "orders", "--source", "ams", "--include", "orders")
	on := clitest.NewScreen(t)
	if err := unix.IoctlSetWinsize(int(on.Tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 120}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- program.Run(ctx, []string{"link", "watch", "--brokers", brokers}, cli.Streams{In: strings.NewReader(""), Out: on.Tty, Err: on.Tty})
	}()
	await := func(text string) string {
		t.Helper()
		shown, ok := on.Await(text)
		if !ok {
			t.Fatalf("the terminal shows %q, without %q", shown, text)
		}
		return shown
	}
	await("orders")
	call("pause", "orders")
	shown := await("paused")
	if strings.Count(shown, "\x1b[H") < 2 || !strings.Contains(shown, "LINK") {
		t.Errorf("no table is drawn in the place of the one before: %q", shown)
	}
	call("apply", "later", "--source", "ams", "--include", "later")
	await("later")
	stop()
	if code := <-ended; code != cli.ExitInterrupted {
		t.Errorf("link watch ends with %d when it is stopped", code)
	}
}
