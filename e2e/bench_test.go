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
	out, err := exec.CommandContext(t.Context(), binary, "bench", "tasks", "--tasks", fmt.Sprint(tasks), "--rounds", "1", "--rate", "0", "-o", "json").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(out, &fields); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	number := func(name string) float64 {
		n, ok := fields[name].(float64)
		if !ok {
			t.Errorf("the result has no %s\n%s", name, out)
		}
		return n
	}
	for _, name := range []string{
		"seconds", "submit_to_start_p50_ms", "submit_to_start_p99_ms",
		"wire_records_per_second", "ratio", "cpu_us_per_task", "allocations_per_task",
	} {
		number(name)
	}
	perSecond, wire := number("tasks_per_second"), number("wire_tasks_per_second")
	if number("tasks") != tasks || perSecond < floor || wire < floor {
		t.Errorf("%v tasks at %.0f/s on a wire good for %.0f/s; want %d at more than %d/s", fields["tasks"], perSecond, wire, tasks, floor)
	}
	t.Logf("%.0f tasks/s", perSecond)
}

// Schedulers are real processes here, told to stop and killed.
func TestBenchPools(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), binary, "bench", "pools", "--schedulers", "2", "--pools", "1,3", "--tasks", "1000", "-o", "json").Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got struct {
		Rates []struct {
			Pools int
			Rate  float64 `json:"tasks_per_second"`
		}
		Rebalances []struct {
			Cause string
			Ms    float64
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(got.Rates) != 2 || got.Rates[1].Pools != 3 || got.Rates[0].Rate <= 0 || got.Rates[1].Rate <= 0 || len(got.Rebalances) != 6 {
		t.Fatalf("%s", out)
	}
	for _, r := range got.Rebalances {
		t.Logf("%s: %.0f ms", r.Cause, r.Ms)
	}
}
