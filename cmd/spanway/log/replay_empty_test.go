package log

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

// A file that says nothing is a mistake: it does not mean no engines.
func TestReplayRefusesAnEmptyFile(t *testing.T) {
	for _, flag := range []string{"--engines", "--policy"} {
		for _, content := range []string{"", " \n\n", "# engines: to be written\n", "---\n", "null\n"} {
			_, stderr, code := program.Call(t.Context(), content, "log", "replay", flag, "-", "--brokers", "127.0.0.1:1")
			if code != cli.ExitUsage || !strings.Contains(stderr, "is empty") {
				t.Errorf("%s with %q ends with %d: %s", flag, content, code, stderr)
			}
		}
	}
}
