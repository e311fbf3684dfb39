package e2e_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// G8: hosts of a queue are killed before and after the append of what they do. What they
// have put in is there once, what they claimed comes back, what they took out is gone, and
// whoever repeats what may have failed does no harm.
func TestQueueHostsAreKilled(t *testing.T) {
	t.Parallel()
	const entries = 20
	q := &killedQueue{t: t, broker: newSystem(t, onKfake).broker, binary: builtWith(t, "failpoints")}
	q.run("create", "jobs")
	q.endsLeases()

	var lines strings.Builder
	for i := range entries {
		fmt.Fprintf(&lines, "{\"id\": \"job%d\", \"payload\": \"work\"}\n", i)
	}
	q.in = lines.String()
	q.killed(failpoint.CallsAppending, "enqueue", "jobs", "--ndjson")
	q.killed(failpoint.CallsAppended, "enqueue", "jobs", "--ndjson")
	if put := q.run("enqueue", "jobs", "--ndjson"); len(put) != entries {
		t.Errorf("of %d entries that were put in again %d are acknowledged: %v", entries, len(put), put)
	}
	if held := q.run("list", "jobs"); len(held) != entries {
		t.Errorf("%d entries were put in, the queue has %d: %v", entries, len(held), held)
	}

	q.killed(failpoint.CallsAppending, "claim", "jobs", "--count", "5", "--lease", "1s")
	q.killed(failpoint.CallsAppended, "claim", "jobs", "--count", "5", "--lease", "1s")
	var claimed []queueLine
	for len(claimed) < entries {
		claimed = append(claimed, q.run("claim", "jobs", "--count", "20", "--lease", "1h", "--wait")...)
	}
	slices.SortFunc(claimed, func(a, b queueLine) int { return strings.Compare(a.ID, b.ID) })
	if once := slices.Compact(slices.Clone(claimed)); len(once) != entries || len(claimed) != entries {
		t.Errorf("%d entries were claimed %d times: %v", len(once), len(claimed), claimed)
	}

	done := func(l queueLine) []string { return []string{"done", "jobs", l.ID, "--token", l.Token} }
	q.killed(failpoint.CallsAppending, done(claimed[0])...)
	q.run(done(claimed[0])...)
	q.killed(failpoint.CallsAppended, done(claimed[1])...)
	if left := q.run("list", "jobs"); len(left) != entries-2 {
		t.Errorf("2 of %d are done, and %d are left: %v", entries, len(left), left)
	}
	out, err := commandLine(q.t.Context(), binary, "verify", "--brokers", q.broker.Addr()).CombinedOutput()
	if want := fmt.Sprintf("%d entries enqueued, 2 taken out, %d held", entries, entries-2); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("verify does not say %q: %v\n%s", want, err, out)
	}
}

// killedQueue is a queue with processes that act on it.
type killedQueue struct {
	t          *testing.T
	broker     broker
	binary, in string
}

// queueLine is a line of what a command prints.
type queueLine struct {
	ID    string `json:"id"`
	Seq   int64  `json:"seq"`
	Token string `json:"token"`
}

func (q *killedQueue) command(failpoint string, args ...string) *exec.Cmd {
	cmd := commandLine(q.t.Context(), q.binary, append([]string{"queue", "--brokers", q.broker.Addr(), "-o", "json"}, args...)...)
	cmd.Env = append(cmd.Env, "SPANWAY_FAILPOINT="+failpoint)
	cmd.Stdin = strings.NewReader(q.in)
	return cmd
}

// run runs a command to its end, which must be good.
func (q *killedQueue) run(args ...string) (lines []queueLine) {
	q.t.Helper()
	cmd := q.command("", args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		q.t.Fatalf("%v: %v\n%s", args, err, said.String())
	}
	for line := range strings.Lines(string(out)) {
		var l queueLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			q.t.Fatalf("%v printed %q: %v", args, line, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// killed runs a command that kills itself at a point.
func (q *killedQueue) killed(point string, args ...string) {
	q.t.Helper()
	out, err := q.command(point+":1:kill", args...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "failpoint "+point) {
		q.t.Fatalf("%v was not killed at %s: %v\n%s", args, point, err, out)
	}
}

// endsLeases has a host of the queue live as long as the test: commands end no leases.
func (q *killedQueue) endsLeases() {
	q.t.Helper()
	c, err := cluster.Open(cluster.Config{Brokers: []string{q.broker.Addr()}})
	if err != nil {
		q.t.Fatal(err)
	}
	q.t.Cleanup(c.Close)
	host, err := queue.Open(q.t.Context(), c, "jobs", queue.Options{Prefix: events.DefaultPrefix})
	if err != nil {
		q.t.Fatal(err)
	}
	q.t.Cleanup(func() { _ = host.Close() })
}
