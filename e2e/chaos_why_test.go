//go:build chaos

package e2e_test

import (
	"encoding/json"
	"os/exec"

	"github.com/spanway/spanway/e2e/chaos"
)

// why demands that a task which waits says for what.
func (w *weather) why(task chaos.Task) {
	w.t.Helper()
	out, err := exec.CommandContext(w.t.Context(), binary, "task", "why", task.ID, "--pool", task.Pool, "-o", "json",
		"--brokers", w.broker.Addr(), "--prefix", w.prefix).Output()
	var x struct{ Reason string }
	if err == nil {
		err = json.Unmarshal(out, &x)
	}
	if err != nil || x.Reason == "" || x.Reason == "NOT_READ" {
		w.t.Errorf("task why %s (kind %s): reason %q, %v\n%s", task.ID, task.Kind, x.Reason, err, out)
	}
	if task.Kind != chaos.KindNever {
		w.t.Logf("task %s of kind %s waits: %s", task.ID, task.Kind, x.Reason)
	}
}
