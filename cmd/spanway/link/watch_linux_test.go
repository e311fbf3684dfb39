package link

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// A program that watches is given a line for each link that stands otherwise than before.
func TestWatch(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	call := func(args ...string) {
		t.Helper()
		if _, text, code := program.Call(t.Context(), "", append(append([]string{"link"}, args...), "--brokers", brokers)...); code != 0 {
			t.Fatalf("link %q: %s", args, text)
		}
	}
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
