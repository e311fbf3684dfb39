package log

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/replay"
)

// TestReplayOfALiveLog: what ran on the engine of a living system is run again as
// it was, on half a fleet, and under a policy that nobody can satisfy.
func TestReplayOfALiveLog(t *testing.T) {
	s := clitest.Start(t, 1)
	run := func(stdin string, args ...string) string {
		t.Helper()
		out, stderr, code := program.Call(t.Context(), stdin, append(args, "--brokers", s.Brokers()[0])...)
		if code != 0 {
			t.Fatalf("%v exits with %d: %s", args, code, stderr)
		}
		return out
	}
	var tasks strings.Builder
	for i := range 40 {
		fmt.Fprintf(&tasks, `{"taskId":"t%d","kind":"noop","tenant":"%s"}`+"\n", i, []string{"shop", "lab"}[i%2])
	}
	run(tasks.String(), "task", "submit", "--file", "-", "--wait")
	report := func(stdin string, args ...string) (r replay.Report) {
		t.Helper()
		text := run(stdin, append([]string{"log", "replay", "-o", "json"}, args...)...)
		if again := run(stdin, append([]string{"log", "replay", "-o", "json"}, args...)...); cut(again) != cut(text) {
			t.Errorf("the same log and files give\n%s\nand\n%s", text, again)
		}
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	engines := run("", "engine", "list", "-o", "json")
	same := report(engines, "--engines", "-")
	for what, side := range map[string]replay.Side{"record": same.Record, "baseline": same.Baseline, "replay on the engines as listed": same.Replay} {
		if side.Succeeded != 40 || side.Placements != 40 || len(side.Tenants) != 2 || side.Engines[0].ID != "local-1" {
			t.Errorf("%s: %+v", what, side)
		}
	}
	small := report("[{id: e, allocatable: {slots: 0}}]", "--engines", "-")
	if u := small.Replay.Unplaced; len(u) != 1 || u[0].Reason != "IMPOSSIBLE" || u[0].Tasks != 40 || small.Change.Missed != 40 {
		t.Errorf("on an engine without slots: %+v", small.Replay)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte("tasks:\n- {tenant: lab, and_where: engine.site == \"mars\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lab := report("", "--policy", file)
	if u := lab.Replay.Unplaced; len(u) != 1 || u[0].Reason != "PREDICATE_FALSE" || u[0].Tasks != 20 || lab.Replay.Succeeded != 20 {
		t.Errorf("with the lab on mars: %+v", lab.Replay)
	}
	if text := run("", "log", "replay", "--policy", file); !strings.Contains(text, "PREDICATE_FALSE") || !strings.Contains(text, "as of spanway.tasks.events/11@") {
		t.Errorf("as text:\n%s", text)
	} else {
		t.Logf("\n%s", text)
	}
}

// cut leaves out how far the log was read: it may have grown.
func cut(report string) string {
	report, _, _ = strings.Cut(report, `,"as_of"`)
	return report
}
