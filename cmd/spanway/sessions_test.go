package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

var program = clitest.Program(commands)

// The benchmarks start this binary again to serve.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		main()
	}
	clitest.Main(m)
}

func TestSessions(t *testing.T) { program.Sessions(t) }

func TestUnreachableBroker(t *testing.T) {
	_, stderr, code := program.Call(t.Context(), "", "task", "list", "--brokers", "127.0.0.1:1")
	if code != cli.ExitUnavailable || !strings.Contains(stderr, "no broker answers at 127.0.0.1:1") || !strings.Contains(stderr, "whether that is its address") || strings.Contains(stderr, "spanway dev") {
		t.Errorf("exit code %d, %q; want 3 and what to do", code, stderr)
	}
}

// The help of dev names all that it runs.
func TestTheHelpOfDev(t *testing.T) {
	stdout, stderr, code := program.Call(t.Context(), "", "dev", "--help")
	for _, name := range []string{"broker", "Redis", "scheduler", "allocator", "engine", "queue", "replicator"} {
		if code != cli.ExitDone || !strings.Contains(strings.ToLower(stdout), strings.ToLower(name)) {
			t.Errorf("the help, of exit code %d, does not name %s:\n%s%s", code, name, stdout, stderr)
		}
	}
}
