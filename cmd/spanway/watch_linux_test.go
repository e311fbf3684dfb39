package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// feed hands on what is written to it, line by line.
type feed chan string

func (f feed) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		f <- line
	}
	return len(b), nil
}

// watch runs a command that goes on until it is stopped, and returns when it has
// said, as it does to a person, that it misses nothing from now on.
func watch(t *testing.T, args ...string) (lines feed, stop func() (code int)) {
	t.Helper()
	s := newScreen(t)
	lines = make(feed, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, args, streams{in: strings.NewReader(""), out: lines, err: s.tty})
	}()
	if shown, ok := s.await("watching"); !ok {
		t.Fatalf("%v does not begin to watch:\n%s", args, shown)
	}
	return lines, func() int {
		cancel()
		return <-ended
	}
}

func TestEngineWatch(t *testing.T) {
	s := start(t, 1)
	lines, stop := watch(t, "engine", "watch", "local-1", "--brokers", s.Brokers()[0])
	for _, verb := range []string{"drain", "resume"} {
		if _, stderr, code := call(t.Context(), "", "engine", verb, "local-1", "--brokers", s.Brokers()[0]); code != exitDone {
			t.Fatalf("engine %s ends with %d: %s", verb, code, stderr)
		}
	}
	for _, want := range []string{"engine.draining", "engine.resumed"} {
		if line := <-lines; !strings.HasPrefix(line, "local-1 ") || !strings.Contains(line, want) {
			t.Errorf("engine watch prints %q; want %s of local-1", line, want)
		}
	}
	if code := stop(); code != exitDone {
		t.Errorf("engine watch ends with %d when it is stopped", code)
	}
}

// Without an ID it is all tasks of all pools, until it is stopped.
func TestTaskWatchOfAll(t *testing.T) {
	s := start(t, 1)
	lines, stop := watch(t, "task", "watch", "-o", "json", "--brokers", s.Brokers()[0])
	for _, args := range [][]string{{"--id", "one", "--wait"}, {"--id", "two", "--pool", "blue"}} {
		args = append([]string{"task", "submit", "-k", "noop", "--brokers", s.Brokers()[0]}, args...)
		if _, stderr, code := call(t.Context(), "", args...); code != exitDone {
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
	if code := stop(); code != exitDone {
		t.Errorf("task watch ends with %d when it is stopped", code)
	}
}

// On a terminal a person sees how far a file is, and nothing is left of it.
func TestFileShowsProgressOnATerminal(t *testing.T) {
	s := start(t, 0)
	var tasks bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&tasks, "{\"taskId\":\"t%d\",\"kind\":\"noop\"}\n", i)
	}
	file := filepath.Join(t.TempDir(), "tasks.ndjson")
	if err := os.WriteFile(file, tasks.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	on := newScreen(t)
	var out bytes.Buffer
	code := execute(t.Context(), []string{"task", "submit", "--file", file, "--brokers", s.Brokers()[0]},
		streams{in: strings.NewReader(""), out: &out, err: on.tty})
	if code != exitDone || out.String() != "2000 submitted, 0 refused\n" {
		t.Errorf("task submit --file ends with %d and prints %q", code, out.String())
	}
	shown, ok := on.await("%")
	if !ok || !strings.Contains(shown, "tasks") {
		t.Errorf("the terminal shows %q; want a bar", shown)
	}
}
