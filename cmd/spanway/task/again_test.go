package task

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/client"
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

// The lines of a file that is submitted again are said to be known, the first of them
// with what differs.
func TestAFileSubmittedAgain(t *testing.T) {
	broker := clitest.Start(t, 1).Brokers()[0]
	var lines strings.Builder
	for i := range mostAgain + 2 {
		fmt.Fprintf(&lines, `{"taskId":"f%d","kind":"noop"}`+"\n", i)
	}
	submit := func(args ...string) string {
		t.Helper()
		_, stderr, code := program.Call(t.Context(), lines.String(), append([]string{"task", "submit", "--file", "-", "--wait", "--brokers", broker}, args...)...)
		if code != cli.ExitDone {
			t.Fatalf("it ends with %d: %s", code, stderr)
		}
		return stderr
	}
	if said := submit(); strings.Contains(said, "already") {
		t.Errorf("the first time it says %s", said)
	}
	said := submit("--priority", "7")
	if n := strings.Count(said, `was already submitted (succeeded); this request differs, which changes nothing: priority was "5", is now "7"`); n != mostAgain || !strings.Contains(said, "12 tasks were submitted already") {
		t.Errorf("the second time it says of %d lines:\n%s", n, said)
	}
}
