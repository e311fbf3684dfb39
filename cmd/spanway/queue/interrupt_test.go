package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
)

// interrupting ends a context when something is printed.
type interrupting struct {
	bytes.Buffer
	stop func()
}

func (i *interrupting) Write(b []byte) (int, error) {
	i.stop()
	return i.Buffer.Write(b)
}

// What was sent before an interruption is waited for: each entry that is in the queue is
// printed, and one line says how many there are.
func TestEnqueueInterrupted(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	if _, text, code := program.Call(t.Context(), "", "queue", "create", "q", "--brokers", brokers); code != 0 {
		t.Fatal(text)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, said := &interrupting{stop: stop}, &bytes.Buffer{}
	lines := strings.NewReader(strings.Repeat("an entry\n", 100_000))
	code := program.Run(ctx, []string{"queue", "enqueue", "q", "--brokers", brokers}, cli.Streams{In: lines, Out: out, Err: said})
	entries, text, listed := program.Call(t.Context(), "", "queue", "list", "q", "-o", "json", "--brokers", brokers)
	if listed != 0 {
		t.Fatal(text)
	}
	n := strings.Count(entries, "\n")
	if printed := strings.Count(out.String(), "\n"); printed != n || code != cli.ExitInterrupted {
		t.Errorf("%d entries are printed, and %d are there; exit code %d", printed, n, code)
	}
	want := fmt.Sprintf("spanway: interrupted: %d put in, 0 were there, 0 refused, 0 not known", n)
	if got := clitest.WithoutWaits(said.String()); !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1 || len(got) > 300 {
		t.Errorf("it says %.500q; want %q", got, want)
	}
}

// A repetition is one thing however the entry is put in: the same payload under an ID that is
// there is no error, another one is refused.
func TestEnqueueAgain(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	call := func(stdin string, args ...string) (string, string, int) {
		return program.Call(t.Context(), stdin, append(args, "--brokers", brokers)...)
	}
	if _, text, code := call("", "queue", "create", "q"); code != 0 {
		t.Fatal(text)
	}
	for _, r := range []struct {
		stdin, args string
		code        int
		out, says   string
	}{
		{"x", "--id a", 0, "a\n", ""},
		{"x", "--id a", 0, "a\n", "it was there, with the same payload\n"},
		{"y", "--id a", cli.ExitRefused, "", "DUPLICATE_ENTRY: the queue holds an entry with that ID, at 1, and it holds something else"},
		{"x", "--id a --type text/plain", cli.ExitRefused, "", "DUPLICATE_ENTRY"},
		{`{"id":"a","payload":"x"}`, "--ndjson", 0, "a\n", "0 put in, 1 were there"},
		{`{"id":"a","payload":"y"}`, "--ndjson", cli.ExitRefused, "", "line 1 of standard input: enqueue \"a\": queue q: DUPLICATE_ENTRY"},
		{"{\"id\":\"b\",\"payload\":\"1\"}\n{\"id\":\"b\",\"payload\":\"2\"}", "--ndjson", cli.ExitRefused, "b\n", "line 2 of standard input"},
		{"\n{\"id\":\"\",\"payload\":\"1\"}", "--ndjson", cli.ExitRefused, "", "line 2 of standard input: enqueue: queue q: BAD_DATA: the id is empty"},
	} {
		out, text, code := call(r.stdin, append([]string{"queue", "enqueue", "q"}, strings.Fields(r.args)...)...)
		if code != r.code || out != r.out || !strings.Contains(text, r.says) || r.says == "" && text != "" {
			t.Errorf("%s << %q: exit code %d, %q, %q; want %d, %q, %q", r.args, r.stdin, code, out, text, r.code, r.out, r.says)
		}
	}
	if _, text, code := call("", "queue", "claim", "q", "--holder", ""); code != cli.ExitUsage || !strings.Contains(text, "--holder is empty") {
		t.Errorf("no holder: exit code %d, %s", code, text)
	}
}

// Of a call without a verdict a person is told a way that the command line has.
func TestAnUnknownOutcome(t *testing.T) {
	call := &sharedlog.UnknownError{Topic: "spanway.queue.q", Err: context.Canceled}
	err := outcome("q", fmt.Errorf("remove \"a\": queue q: %w", call))
	want := "remove \"a\": queue q: whether it was done is not known; look (spanway queue list q), and repeat the command if it was not: context canceled"
	if err.Error() != want || !errors.Is(err, context.Canceled) {
		t.Errorf("it says %q", err)
	}
}
