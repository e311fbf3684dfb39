package task

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// Without an ID it is all tasks of all pools, until it is stopped.
func TestTaskWatchOfAll(t *testing.T) {
	s := clitest.Start(t, 1)
	lines, stop := program.Watch(t, "task", "watch", "-o", "json", "--brokers", s.Brokers()[0])
	for _, args := range [][]string{{"--id", "one", "--wait"}, {"--id", "two", "--pool", "blue"}} {
		args = append([]string{"task", "submit", "-k", "noop", "--brokers", s.Brokers()[0]}, args...)
		if _, stderr, code := program.Call(t.Context(), "", args...); code != cli.ExitDone {
			t.Fatalf("%v ends with %d: %s", args, code, stderr)
		}
	}
	want := map[string]bool{"task.accepted one": true, "task.assigned one": true, "task.succeeded one": true, "task.accepted two": true}
	for len(want) > 0 {
		line := <-lines
		var e struct {
			Type string
			At   string
			Data struct {
				TaskID string `json:"taskId"`
				Task   struct{ ID string }
			}
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.At == "" {
			t.Fatalf("task watch prints %q (%v)", line, err)
		}
		delete(want, strings.TrimSuffix(strings.TrimPrefix(e.Type, "spanway."), ".v1")+" "+e.Data.TaskID+e.Data.Task.ID)
	}
	if code := stop(); code != cli.ExitInterrupted {
		t.Errorf("task watch ends with %d when it is stopped", code)
	}
}

// On a terminal a person sees how far a file is, and nothing is left of it.
func TestFileShowsProgressOnATerminal(t *testing.T) {
	s := clitest.Start(t, 0)
	var tasks bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&tasks, "{\"taskId\":\"t%d\",\"kind\":\"noop\"}\n", i)
	}
	file := filepath.Join(t.TempDir(), "tasks.ndjson")
	if err := os.WriteFile(file, tasks.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	on := clitest.NewScreen(t)
	var out bytes.Buffer
	code := program.Run(t.Context(), []string{"task", "submit", "--file", file, "--brokers", s.Brokers()[0]},
		cli.Streams{In: strings.NewReader(""), Out: &out, Err: on.Tty})
	if code != cli.ExitDone || out.String() != "2000 submitted, 0 refused\n" {
		t.Errorf("task submit --file ends with %d and prints %q", code, out.String())
	}
	shown, ok := on.Await("%")
	if !ok || !strings.Contains(shown, "tasks") {
		t.Errorf("the terminal shows %q; want a bar", shown)
	}
}
