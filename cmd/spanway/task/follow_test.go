package task

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// serveEngine runs a stand-alone engine as its command line says.
func serveEngine(t *testing.T, broker string, args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var log bytes.Buffer
	ended := make(chan int, 1)
	args = append([]string{"serve", "engine", "--id", "sh-1", "--grace", "0s", "--http", "", "--brokers", broker}, args...)
	go func() { ended <- program.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &log, Err: &log}) }()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != cli.ExitDone {
			t.Errorf("the engine ends with %d:\n%s", code, log.String())
		}
	})
}

// talk is a command that writes, waits for a word on the pipe, and writes on.
func talk(t *testing.T) (script, pipe string) {
	t.Helper()
	pipe = filepath.Join(t.TempDir(), "go")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	return "echo one; echo problem >&2; read word <" + pipe + "; echo $word", pipe
}

// running is a command line that runs beside the test. What it prints is read at
// once, so that it never waits for the test.
type running struct {
	out, err chan string
	ended    chan int
}

func begin(t *testing.T, args ...string) *running {
	t.Helper()
	lines := func() (io.WriteCloser, chan string) {
		r, w := io.Pipe()
		c := make(chan string, 100)
		go func() {
			defer close(c)
			for scan := bufio.NewScanner(r); scan.Scan(); {
				c <- scan.Text()
			}
		}()
		return w, c
	}
	r := &running{ended: make(chan int, 1)}
	var out, err io.WriteCloser
	out, r.out = lines()
	err, r.err = lines()
	go func() {
		code := program.Run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: out, Err: err})
		out.Close()
		err.Close()
		r.ended <- code
	}()
	return r
}

func reads(t *testing.T, from <-chan string, want string) {
	t.Helper()
	for late := time.After(time.Minute); ; {
		select {
		case line := <-from:
			if strings.HasPrefix(line, "warning: ") || clitest.WithoutWaits(line+"\n") == "" {
				continue // The engine had perhaps not begun, or the machine is slow.
			}
			if line != want {
				t.Fatalf("read %q, want %q", line, want)
			}
			return
		case <-late:
			t.Fatalf("waited for %q", want)
		}
	}
}

func say(t *testing.T, pipe, word string) {
	t.Helper()
	if err := os.WriteFile(pipe, []byte(word+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What a command writes is seen while it runs, and once.
func TestOutputIsSeenWhileItComes(t *testing.T) {
	s := clitest.Start(t, 0)
	broker := s.Brokers()[0]
	serveEngine(t, broker, "--allow", "sh,echo")
	script, pipe := talk(t)

	follow := begin(t, "task", "submit", "--id", "talk", "--wait", "--follow", "--brokers", broker, "--", "sh", "-c", script)
	reads(t, follow.out, "one")
	reads(t, follow.err, "problem")
	watch := begin(t, "task", "watch", "talk", "--raw", "--brokers", broker)
	reads(t, watch.out, "one")
	reads(t, watch.err, "problem")
	say(t, pipe, "two")
	for _, r := range []*running{follow, watch} {
		reads(t, r.out, "two")
		if more, ok := <-r.out; ok {
			t.Errorf("and then %q", more)
		}
		if code := <-r.ended; code != cli.ExitDone {
			t.Errorf("it ends with %d", code)
		}
	}

	// Afterwards it is told again, between the other events.
	out, stderr, code := program.Call(t.Context(), "", "task", "watch", "talk", "--brokers", broker)
	if code != cli.ExitDone || !strings.Contains(out, "task.accepted") || !strings.Contains(out, "\none\n") || strings.Count(out, "two\n") != 1 || stderr != "problem\n" {
		t.Errorf("task watch ends with %d (%q):\n%s", code, stderr, out)
	}
	texts := map[string]string{}
	out, _, _ = program.Call(t.Context(), "", "task", "watch", "talk", "--raw", "-o", "json", "--brokers", broker)
	for line := range strings.Lines(out) {
		var v cli.EventView
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var m events.TaskProgressed
		if v.Text != nil && protojson.Unmarshal(v.Data, &m) == nil {
			texts[m.DataType] += *v.Text
		}
	}
	if texts[events.ContentStdout] != "one\ntwo\n" || texts[events.ContentStderr] != "problem\n" {
		t.Errorf("as JSON: %v in\n%s", texts, out)
	}
	// Output is not what a handler says of its progress.
	out, _, _ = program.Call(t.Context(), "", "task", "show", "talk", "-o", "json", "--brokers", broker)
	if strings.Contains(out, `"progress"`) {
		t.Errorf("task show: %s", out)
	}
}

func TestFollowedTasksEnd(t *testing.T) {
	s := clitest.Start(t, 0)
	broker := s.Brokers()[0]
	serveEngine(t, broker, "--allow", "sh,echo,false")
	for _, c := range []struct {
		args   string
		out    string
		stderr string
		code   int
	}{
		// A short command's output is in its result only.
		{"--id a -- echo hi", "hi\n", "succeeded", cli.ExitDone},
		// The task is known and has ended.
		{"--id a -- echo hi", "hi\n", "succeeded", cli.ExitDone},
		{"--id b --retries 0 -- false", "", "EXIT_1", cli.ExitTaskFailed},
		{"--id c --where 1+1 -- echo", "", "BAD_PREDICATE", cli.ExitRefused},
	} {
		args := append([]string{"task", "submit", "--wait", "--follow", "--brokers", broker}, strings.Fields(c.args)...)
		out, stderr, code := program.Call(t.Context(), "", args...)
		if out != c.out || !strings.Contains(stderr, c.stderr) || code != c.code {
			t.Errorf("%s: %q, %q, %d", c.args, out, stderr, code)
		}
	}
	for _, args := range [][]string{{"task", "submit", "--follow", "--", "echo"}, {"task", "submit", "--wait", "--follow", "--file", "x"}, {"task", "watch", "--raw"}} {
		if _, _, code := program.Call(t.Context(), "", args...); code != cli.ExitUsage {
			t.Errorf("%v ends with %d", args, code)
		}
	}
}

func TestRestOfAResult(t *testing.T) {
	for _, c := range []struct{ printed, result, rest string }{
		{"", "abc", "abc"}, {"ab", "abc", "c"}, {"abc", "abc", ""},
		{"abcd", "abc", ""}, // the result was cut
		{"x", "abc", "abc"}, // it is something else
	} {
		f := &follower{token: 3, out: []byte(c.printed)}
		if got := f.rest(client.Result{Token: 3, Data: []byte(c.result)}); string(got) != c.rest {
			t.Errorf("%+v: %q", c, got)
		}
	}
	f := &follower{token: 2, out: []byte("abc")} // of an attempt before
	if got := f.rest(client.Result{Token: 3, Data: []byte("abc")}); string(got) != "abc" {
		t.Errorf("of another attempt: %q", got)
	}
}
