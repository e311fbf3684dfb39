package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"testing"
)

// The benchmark runs and says what its users read. The floor is no measure of
// speed, which docs/benchmarks.md holds; it is there to notice a collapse, also
// while other tests have most of the machine.
func TestBenchTasks(t *testing.T) {
	const tasks, floor = 20_000, 2000
	out, err := exec.CommandContext(t.Context(), binary, "bench", "tasks", "--tasks", fmt.Sprint(tasks), "--rate", "0", "-o", "json").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var fields map[string]float64
	if err := json.Unmarshal(out, &fields); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"tasks", "seconds", "tasks_per_second", "submit_to_start_p50_ms", "submit_to_start_p99_ms"} {
		if _, ok := fields[name]; !ok {
			t.Errorf("the result has no %s\n%s", name, out)
		}
	}
	if fields["tasks"] != tasks || fields["tasks_per_second"] < floor {
		t.Errorf("%v tasks at %.0f/s; want %d at more than %d/s", fields["tasks"], fields["tasks_per_second"], tasks, floor)
	}
	t.Logf("%.0f tasks/s", fields["tasks_per_second"])
}
