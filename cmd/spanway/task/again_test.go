package task

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

// An ID that is submitted again is said to be known, with its state and what differs;
// the exit code is as ever.
func TestSubmittedAgain(t *testing.T) {
	broker := clitest.Start(t, 1).Brokers()[0]
	submit := func(args string) (stdout, stderr string, code int) {
		return program.Call(t.Context(), "", append([]string{"task", "submit", "--brokers", broker}, strings.Fields(args)...)...)
	}
	const waits, other = "--id a -k noop --where false --payload secret", "--id a -k noop --where engine.labels.gpu>=1 --payload hello --priority 7"
	const differs = `; this request differs, which changes nothing: payload was "6 bytes, SHA-256 2bb80d53", is now "5 bytes, SHA-256 2cf24dba"; ` +
		`predicate was "false", is now "engine.labels.gpu>=1"; priority was "5", is now "7"`
	const quick = "--id b -k noop"
	for _, c := range []struct{ args, out, says string }{
		{waits, "a\n", ""},
		{waits, "a\n", "task a was already submitted (pending)\n"},
		{other, "a\n", "task a was already submitted (pending)" + differs + "\n"},
		{quick + " --wait", "", "task b succeeded"},
		{quick + " --wait", "", "task b was already submitted (succeeded)\ntask b succeeded"},
		{quick + " --wait --follow", "", "task b was already submitted (succeeded)\ntask b succeeded"},
		{quick, "b\n", "task b was already submitted (succeeded)\n"},
		{"-k noop --wait", "", " succeeded on local-1"},
	} {
		out, stderr, code := submit(c.args)
		stderr = strings.ReplaceAll(stderr, "warning: no known engine of pool \"default\" has label gpu, which the predicate \"engine.labels.gpu>=1\" names; see \"spanway engine list\"\n", "")
		if code != cli.ExitDone || out != c.out || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "already") != strings.Contains(c.says, "already") {
			t.Errorf("%s ends with %d: %q, %q; want %q, %q", c.args, code, out, stderr, c.out, c.says)
		}
		if strings.Contains(stderr, "secret") {
			t.Errorf("%s shows a payload: %s", c.args, stderr)
		}
	}
	for args, want := range map[string]taskView{
		other + " -o json": {ID: "a", Pool: "default", State: client.Pending, again: again{Already: true, Differs: []request.Difference{
			{Field: "payload", Was: "6 bytes, SHA-256 2bb80d53", Is: "5 bytes, SHA-256 2cf24dba"},
			{Field: "predicate", Was: "false", Is: "engine.labels.gpu>=1"}, {Field: "priority", Was: "5", Is: "7"},
		}}},
		"--id c -k noop --where false -o json": {ID: "c", Pool: "default"},
	} {
		out, _, _ := submit(args)
		var got taskView
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(taskView{}, again{})); diff != "" {
			t.Errorf("%s: %s\n%s", args, out, diff)
		}
	}
}

// The lines of a file that is submitted again are said to be known, each with its state
// and what differs, whether their end is waited for or not.
func TestAFileSubmittedAgain(t *testing.T) {
	broker := clitest.Start(t, 1).Brokers()[0]
	const known = 12
	var lines strings.Builder
	for i := range known {
		fmt.Fprintf(&lines, `{"taskId":"f%d","kind":"noop"}`+"\n", i)
	}
	submit := func(lines string, args ...string) string {
		t.Helper()
		_, stderr, code := program.Call(t.Context(), lines, append([]string{"task", "submit", "--file", "-", "--brokers", broker}, args...)...)
		if code != cli.ExitDone {
			t.Fatalf("it ends with %d: %s", code, stderr)
		}
		return stderr
	}
	if said := submit(lines.String(), "--wait"); strings.Contains(said, "already") {
		t.Errorf("the first time it says %s", said)
	}
	for _, args := range [][]string{{"--priority", "7", "--wait"}, {"--priority", "7"}} {
		said := submit(lines.String()+"{\"kind\":\"noop\"}\n", args...)
		if n := strings.Count(said, `was already submitted (succeeded); this request differs, which changes nothing: priority was "5", is now "7"`); n != known || !strings.Contains(said, "line 12: task f11 was already") || !strings.Contains(said, "12 lines were submitted already") {
			t.Errorf("%s says of %d lines:\n%s", args, n, said)
		}
	}
	// One that waits, one that is new, one twice in the file, and one that only the
	// scheduler refuses.
	submit(`{"taskId":"waits","kind":"noop","predicate":"false"}`)
	cancelled(t, broker, "cancelled-one")
	const mixed = `{"taskId":"waits","kind":"noop","predicate":"false"}
{"taskId":"new","kind":"noop","predicate":"false"}
{"taskId":"new","kind":"noop","predicate":"false","priority":3}
{"taskId":"bad","kind":"noop","after":["cancelled-one"]}
`
	const says = `line 4: task bad was refused: DEPENDENCY_FAILED: `
	said := submit(mixed)
	for _, want := range []string{
		"line 1: task waits was already submitted (pending)\n", says, "2 lines were submitted already",
		`line 3: task new was already submitted (pending); this request differs, which changes nothing: priority was "5", is now "3"`,
	} {
		if !strings.Contains(said, want) {
			t.Errorf("want %q in\n%s", want, said)
		}
	}
	if strings.Contains(said, "line 2") {
		t.Errorf("it speaks of a line that is new:\n%s", said)
	}
}

// cancelled submits a task and cancels it: no other may wait for it.
func cancelled(t *testing.T, broker, id string) {
	t.Helper()
	for _, args := range [][]string{{"submit", "--id", id, "-k", "noop", "--where", "false"}, {"cancel", id}} {
		if _, stderr, code := program.Call(t.Context(), "", append([]string{"task", "--brokers", broker}, args...)...); code != cli.ExitDone {
			t.Fatalf("%q ends with %d: %s", args, code, stderr)
		}
	}
}

// A request with an ID that only the scheduler refuses is durable all the same: it is
// said that it was refused, and the exit code is that of a submission.
func TestRefusedByTheSchedulerAlone(t *testing.T) {
	broker := clitest.Start(t, 0).Brokers()[0]
	cancelled(t, broker, "cancelled-one")
	out, stderr, code := program.Call(t.Context(), "", "task", "submit", "--id", "bad", "-k", "noop", "--after", "cancelled-one", "--brokers", broker)
	if code != cli.ExitDone || out != "bad\n" || !strings.Contains(stderr, "\ntask bad was refused: DEPENDENCY_FAILED: ") {
		t.Errorf("it ends with %d: %q, %q", code, out, stderr)
	}
	_, stderr, code = program.Call(t.Context(), "", "task", "submit", "--id", "bad2", "-k", "noop", "--after", "cancelled-one", "--wait", "--brokers", broker)
	if code != cli.ExitRefused || strings.Count(stderr, "DEPENDENCY_FAILED") != 1 {
		t.Errorf("with --wait it ends with %d: %q", code, stderr)
	}
}

// Without a scheduler, a file is submitted and the command ends soon: what is not known
// is said.
func TestAFileThatNoSchedulerDecides(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	clitest.Answers(t, b.Addrs()...)
	t.Cleanup(b.Close)
	k := kafka.New(kafka.Config{Brokers: b.Addrs()})
	defer k.Close()
	if _, err := k.Ensure(t.Context(), events.Specs(events.Topics{Prefix: events.DefaultPrefix}.Catalogue())); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, stderr, code := program.Call(t.Context(), `{"taskId":"a","kind":"noop"}`, "task", "submit", "--file", "-", "--brokers", b.Addrs()[0])
	if code != cli.ExitDone || !strings.Contains(stderr, "of 1 line it is not known whether the ID was submitted before") || time.Since(began) > decisionsWithin+20*time.Second {
		t.Errorf("it ends after %v with %d: %s", time.Since(began), code, stderr)
	}
}
