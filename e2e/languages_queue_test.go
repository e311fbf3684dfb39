package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A queue takes entries from anything that speaks Kafka: records with a call ID, the same
// call again while nothing is acknowledged, and the verdict from a fold. It is on the
// embedded broker and named for Apache because `make test-kafka` is where the clients are
// installed.
func TestApacheProducersOfQueues(t *testing.T) {
	dev, addr, _ := startDev(t, filepath.Join(t.TempDir(), "data"))
	for _, l := range []language{
		{name: "python", tools: []string{"python3"}, built: "python/.venv/.complete", submit: func(words ...string) *exec.Cmd {
			return exec.Command(".venv/bin/python", append([]string{"enqueue.py"}, words...)...)
		}},
		{name: "node", tools: []string{"node", "npm"}, built: "node/node_modules/.complete", submit: func(words ...string) *exec.Cmd {
			return exec.Command("node", append([]string{"enqueue.js"}, words...)...)
		}},
	} {
		t.Run(l.name, func(t *testing.T) {
			l.require(t)
			q := enqueuer{t, l, addr, l.name}
			q.cli("queue", "create", q.name, "--max-entry-bytes", "100")
			q.enqueues()
			q.repeats(dev)
		})
	}
}

// enqueuer is an example that puts entries into a queue of its name.
type enqueuer struct {
	t    *testing.T
	of   language
	addr string
	name string
}

func (q *enqueuer) cli(words ...string) string {
	q.t.Helper()
	out, err := commandLine(q.t.Context(), binary, append(words, "--brokers", q.addr)...).CombinedOutput()
	if err != nil {
		q.t.Fatalf("%q: %v\n%s", words, err, out)
	}
	return string(out)
}

func (q *enqueuer) command(words ...string) *exec.Cmd {
	cmd := q.of.submit(words...)
	cmd.Dir = filepath.Join(producers, q.of.name)
	cmd.Env = append(os.Environ(), "SPANWAY_BROKERS="+q.addr, "PATH="+filepath.Dir(binary)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return cmd
}

// enqueues puts lines in, and what is refused.
func (q *enqueuer) enqueues() {
	put := func(stdin string, words ...string) (stdout, stderr string, code int) {
		q.t.Helper()
		var out, log strings.Builder
		cmd := q.command(words...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &log
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			q.t.Fatalf("%s: %v", cmd, err)
		}
		return out.String(), log.String(), cmd.ProcessState.ExitCode()
	}
	out, log, code := put("one\ntwo\n", q.name, "a")
	if lines := strings.Split(out, "\n"); code != 0 || len(lines) != 3 || lines[0] != "1  a" || !strings.HasPrefix(lines[1], "2  ") {
		q.t.Fatalf("two lines: ends with %d and prints %q\n%s", code, out, log)
	}
	if shown := q.cli("queue", "show", q.name, "a", "-o", "json"); !strings.Contains(shown, `"payload":"one"`) {
		q.t.Errorf("the entry is %s", shown)
	}
	if out, log, code := put("one\n", q.name, "a"); code != 0 || out != "1  a\n" || !strings.Contains(log, "a was there") {
		q.t.Errorf("the same again: ends with %d and prints %q and %q", code, out, log)
	}
	if out, log, code := put("\xff\xc3(\n", q.name, "raw"); code != 0 || !strings.HasSuffix(out, "  raw\n") || !strings.Contains(q.cli("queue", "show", q.name, "raw", "-o", "json"), `"payload_base64":"/8Mo"`) {
		q.t.Errorf("bytes that are no text: ends with %d and prints %q and %q", code, out, log)
	}
	// CR ends a line only before LF, and one of them; no other byte does. The last line may have no end.
	before := q.entries()
	if out, log, code := put("a\rb\x85\x0c\xe2\x80\xa8\r\r\n", q.name, "cr"); code != 0 || !strings.HasSuffix(out, "  cr\n") || !strings.Contains(q.cli("queue", "show", q.name, "cr", "-o", "json"), `"payload_base64":"YQ1ihQzigKgN"`) {
		q.t.Errorf("a line with CR in it: ends with %d and prints %q and %q", code, out, log)
	}
	if out, log, code := put("open", q.name, "open"); code != 0 || !strings.Contains(q.cli("queue", "show", q.name, "open", "-o", "json"), `"payload":"open"`) {
		q.t.Errorf("a line without an end: ends with %d and prints %q and %q", code, out, log)
	}
	if got, want := q.entries(), before+2; got != want {
		q.t.Errorf("two lines are %d entries", got-before)
	}
	for _, refused := range []struct{ stdin, words, says string }{
		{"again\n", q.name + " a", "DUPLICATE_ENTRY: a was put in before, at 1"},
		{strings.Repeat("x", 101) + "\n", q.name, "UNKNOWN_ENTRY"},
		{strings.Repeat("x", 256<<10+1) + "\n", q.name, "TOO_LARGE: the line has 262145 bytes; at most 262144 are allowed"},
		{"x\n", "nothing", "UNKNOWN_QUEUE: nothing"},
	} {
		if out, log, code := put(refused.stdin, strings.Fields(refused.words)...); code != 1 || out != "" || !strings.Contains(log, refused.says) {
			q.t.Errorf("%s: ends with %d and prints %q and %q, want 1 and %s", refused.words, code, out, log, refused.says)
		}
	}
	q.cli("queue", "remove", q.name, "a")
	if out, log, code := put("late\n", q.name, "a"); code != 1 || out != "" || !strings.Contains(log, "ALREADY_REMOVED") {
		q.t.Errorf("what was removed: ends with %d and prints %q and %q", code, out, log)
	}
}

// repeats has the broker acknowledge nothing for a while: the call that was made meanwhile is
// made again, and its entry is in the queue once.
func (q *enqueuer) repeats(dev *process) {
	before := q.entries()
	read, stdin, err := os.Pipe()
	if err != nil {
		q.t.Fatal(err)
	}
	cmd := q.command(q.name)
	cmd.Stdin = read
	p := start(q.t, q.of.name, cmd)
	_ = read.Close() // The process has it.
	write := func(line string) {
		if _, err := stdin.WriteString(line); err != nil {
			q.t.Fatal(err)
		}
	}
	write("first\n")
	p.out.await(q.t, "  ", patience)
	dev.signal(syscall.SIGSTOP)
	write("second\n")
	p.log.await(q.t, "the same call again", patience)
	dev.signal(syscall.SIGCONT)
	if err := stdin.Close(); err != nil {
		q.t.Fatal(err)
	}
	if code := p.wait(patience); code != 0 {
		q.t.Fatalf("it ended with %d", code)
	}
	if got, want := q.entries(), before+2; got != want {
		q.t.Errorf("the queue holds %d entries, want %d", got, want)
	}
}

func (q *enqueuer) entries() int {
	q.t.Helper()
	var shown struct{ Entries int }
	text := q.cli("queue", "show", q.name, "-o", "json")
	if err := json.Unmarshal([]byte(text), &shown); err != nil {
		q.t.Fatalf("%v: %s", err, text)
	}
	return shown.Entries
}
