package task

import (
	"bufio"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// Each is a task of its own, so the failure of the first is not that of the next;
// it goes on until it is told to end.
func TestSubmitEvery(t *testing.T) {
	s := clitest.Start(t, 0)
	broker := s.Brokers()[0]
	serveEngine(t, broker, "--allow", "sh")
	mark := filepath.Join(t.TempDir(), "failed")
	ctx, stop := context.WithCancel(t.Context())
	out, w := io.Pipe()
	var told strings.Builder
	ended := make(chan int, 1)
	go func() {
		ended <- program.Run(ctx, []string{
			"task", "submit", "--every", "1ms", "--wait", "--retries", "0", "--brokers", broker, "--",
			"sh", "-c", "test -e " + mark + " && echo fine || { : > " + mark + "; exit 7; }",
		}, cli.Streams{In: strings.NewReader(""), Out: w, Err: &told})
		w.Close()
	}()
	lines := bufio.NewScanner(out)
	for range 3 {
		if !lines.Scan() || lines.Text() != "fine" {
			t.Fatalf("it prints %q", lines.Text())
		}
	}
	stop()
	for lines.Scan() { // What was on its way.
	}
	if code := <-ended; code != cli.ExitDone || strings.Count(told.String(), "EXIT_7") != 1 {
		t.Errorf("it ends with %d and says:\n%s", code, told.String())
	}
}

func TestSubmitEveryMakesNewTasks(t *testing.T) {
	for _, args := range []string{"--every 0s", "--every 1s --id a", "--every 1s --file x", "--every 1s --dry-run", "--every 1s --payload -"} {
		_, stderr, code := program.Call(t.Context(), "", append([]string{"task", "submit", "-k", "noop"}, strings.Fields(args)...)...)
		if code != cli.ExitUsage || !strings.Contains(stderr, "--every") {
			t.Errorf("task submit %s ends with %d: %s", args, code, stderr)
		}
	}
}
