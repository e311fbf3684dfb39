package task

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// An engine that was told of no commands reads nobody a file, such as its own password: it
// does not handle exec. One that was told of some runs these.
func TestNoCommandIsAllowedUnasked(t *testing.T) {
	s := clitest.Start(t, 0)
	at := s.Brokers()[0]
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hunter2-do-not-show"), 0o600); err != nil {
		t.Fatal(err)
	}
	call := func(want int, args ...string) string {
		t.Helper()
		stdout, stderr, code := program.Call(t.Context(), "", append([]string{"task", args[0], "--brokers", at}, args[1:]...)...)
		if code != want || strings.Contains(stdout+stderr, "hunter2") {
			t.Fatalf("%q ends with %d, want %d:\n%s%s", args, code, want, stdout, stderr)
		}
		return stdout + stderr
	}
	serveEngine(t, at)
	for _, reads := range []string{"cat", "sha256sum"} {
		call(cli.ExitDone, "submit", "--id", reads, "--", reads, file)
	}
	call(cli.ExitDone, "submit", "--id", "behind", "--kind", "noop", "--wait") // The engine was there, and had a look at the others.
	for _, reads := range []string{"cat", "sha256sum"} {
		if why := call(cli.ExitDone, "why", reads); !strings.Contains(why, "KIND_UNHANDLED") {
			t.Errorf("%s waits for something else:\n%s", reads, why)
		}
	}
	serveEngine(t, at, "--id", "sh-2", "--allow", "true")
	for _, reads := range []string{"cat", "sha256sum"} {
		if why := call(cli.ExitTaskFailed, "submit", "--id", reads, "--wait", "--", reads, file); !strings.Contains(why, "NOT_ALLOWED") {
			t.Errorf("%s fails by something else:\n%s", reads, why)
		}
	}
	call(cli.ExitDone, "submit", "--wait", "--", "true")
}
