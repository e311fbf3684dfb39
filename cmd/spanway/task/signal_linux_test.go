package task

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// page is what a command writes, read while it runs.
type page struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newPage() *page { return &page{more: make(chan struct{}, 1)} }

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
	return p.text.Write(b)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// await waits until a text was written so often.
func (p *page) await(t *testing.T, text string, times int) {
	t.Helper()
	for late := time.After(hang); strings.Count(p.String(), text) < times; {
		select {
		case <-p.more:
		case <-late:
			t.Fatalf("%q was not written %d times:\n%s", text, times, p)
		}
	}
}

// hang bounds waits that only a hang would use up.
const hang = 60 * time.Second

// call is a command that runs.
type call struct {
	out, err *page
	in       *io.PipeWriter
	signal   context.CancelFunc
	code     chan int
}

func launch(t *testing.T, args ...string) *call {
	t.Helper()
	in, write := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	c := &call{out: newPage(), err: newPage(), in: write, signal: cancel, code: make(chan int, 1)}
	go func() { c.code <- program.Run(ctx, args, cli.Streams{In: in, Out: c.out, Err: c.err}) }()
	t.Cleanup(func() {
		cancel()
		in.Close() // A read of a real pipe ends with the process.
	})
	return c
}

// ends waits for the end of the command.
func (c *call) ends(t *testing.T, code int) {
	t.Helper()
	select {
	case got := <-c.code:
		if got != code {
			t.Errorf("it ends with %d, want %d:\n%s\n%s", got, code, c.out, c.err)
		}
	case <-time.After(hang):
		t.Fatalf("it does not end:\n%s\n%s", c.out, c.err)
	}
}

// A signal ends a command that reads what nothing is written to: standard input, or a
// file that is a pipe.
func TestASignalEndsACommandThatReads(t *testing.T) {
	s := clitest.Start(t, 0)
	for _, how := range []string{"--file -", "--file FIFO", "-k noop --payload -", "-k noop --payload @FIFO"} {
		t.Run(how, func(t *testing.T) {
			fifo := filepath.Join(t.TempDir(), "fifo")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			c := launch(t, append([]string{"task", "submit", "--brokers", s.Brokers()[0]}, strings.Fields(strings.ReplaceAll(how, "FIFO", fifo))...)...)
			if strings.Contains(how, "FIFO") {
				w, err := os.OpenFile(fifo, os.O_WRONLY, 0) // When the command has opened it, too.
				if err != nil {
					t.Fatal(err)
				}
				defer w.Close()
			} else if _, err := c.in.Write([]byte(" ")); err != nil { // When it reads.
				t.Fatal(err)
			}
			c.signal()
			c.ends(t, cli.ExitInterrupted)
		})
	}
}

// The broker goes while a file is submitted: that is told at once, a signal ends it, and
// in the end each line that was read is accounted for.
func TestAFileWithoutABrokerIsAccountedFor(t *testing.T) {
	s := clitest.Start(t, 0)
	c := launch(t, "task", "submit", "-k", "noop", "-o", "json", "--file", "-", "--brokers", s.Brokers()[0])
	const before, refused, after = 3, 1, 20
	for i := range before {
		fmt.Fprintf(c.in, "{\"taskId\":\"a%d\"}\n", i)
	}
	c.out.await(t, `"id"`, before)
	fmt.Fprintf(c.in, "{\"taskId\":\"bad\",\"priority\":12}\n")
	c.err.await(t, "line 4", refused)
	s.Stop()
	for i := range after {
		fmt.Fprintf(c.in, "{\"taskId\":\"b%d\"}\n", i)
	}
	c.err.await(t, "trying again", 1)
	c.signal()
	c.ends(t, cli.ExitInterrupted)
	lines := strings.Split(strings.TrimSpace(c.out.String()), "\n")
	var count struct {
		Certain, Refused, Unknown int
		NotSent                   int `json:"not_sent"`
		LastLine                  int `json:"last_line"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &count); err != nil {
		t.Fatalf("the last line is %q: %v", lines[len(lines)-1], err)
	}
	if count.Certain != before || count.Refused != refused || count.Unknown+count.NotSent != after || count.LastLine != before+refused+after {
		t.Errorf("it counts %+v; want %d certain, %d refused, %d in all", count, before, refused, before+refused+after)
	}
}

// The same for a person.
func TestAFileWithoutABrokerIsAccountedForInText(t *testing.T) {
	s := clitest.Start(t, 0)
	c := launch(t, "task", "submit", "-k", "noop", "--wait", "--file", "-", "--brokers", s.Brokers()[0])
	fmt.Fprintf(c.in, "{\"taskId\":\"a\"}\n")
	s.Stop()
	c.err.await(t, "trying again", 1)
	fmt.Fprintf(c.in, "{\"taskId\":\"b\"}\n")
	c.signal()
	c.ends(t, cli.ExitInterrupted)
	if !strings.Contains(c.out.String(), "0 refused") {
		t.Errorf("it prints %q", c.out)
	}
}

// Who stops waiting is told that the task goes on, and how to see it.
func TestASignalWhileWaitingSaysThatTheTaskGoesOn(t *testing.T) {
	s := clitest.Start(t, 0)
	brokers := s.Brokers()[0]
	for _, args := range [][]string{{"--wait"}, {"--wait", "--follow"}, {"--wait", "--every", "1h"}} {
		c := launch(t, append([]string{"task", "submit", "-k", "noop", "--pool", "p", "--brokers", brokers}, args...)...)
		id := ""
		for id == "" { // It is submitted.
			out, stderr, code := program.Call(t.Context(), "", "task", "list", "--pool", "p", "--limit", "1", "-o", "json", "--brokers", brokers)
			var task struct{ ID string }
			if code != cli.ExitDone {
				t.Fatalf("task list: %s", stderr)
			}
			if out != "" && json.Unmarshal([]byte(out), &task) == nil {
				id = task.ID
			}
		}
		c.signal()
		want := cli.ExitInterrupted
		if args[len(args)-1] == "1h" {
			want = cli.ExitDone // It was told to go on until then.
		}
		c.ends(t, want)
		if said := c.err.String(); !strings.Contains(said, "goes on; see it with: spanway task watch ") {
			t.Errorf("%v says %q", args, said)
		}
		if _, stderr, code := program.Call(t.Context(), "", "task", "cancel", "--all", "--pool", "p", "--brokers", brokers); code != cli.ExitDone {
			t.Fatal(stderr)
		}
		for open := true; open; {
			out, _, _ := program.Call(t.Context(), "", "task", "list", "--pool", "p", "--state", "pending", "-o", "json", "--brokers", brokers)
			open = strings.Contains(out, "{")
		}
	}
}
