package chaos_test

import (
	"testing"
	"time"

	"github.com/spanway/spanway/e2e/chaos"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

// What a plan asks for is what schedulers accept, but for what is malformed on purpose;
// and that names no task, or its refusal could be taken for another's.
func TestPlanAsksForWhatIsAccepted(t *testing.T) {
	plan, check := chaos.NewPlan(topics, "p", 1), request.New(nil)
	malformed, again := 0, 0
	seen := map[string]bool{}
	const n = 4000
	for range n {
		r, err := plan.Request(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if r.TaskID == "" {
			malformed++
			continue
		}
		if seen[r.TaskID] {
			again++
		}
		seen[r.TaskID] = true
		_, m, err := events.Decode(&r.Record)
		if err != nil {
			t.Fatalf("%s: %v", r.TaskID, err)
		}
		if err := check.Valid(m.(*events.TaskRequested), time.Now().UnixMilli()); err != nil {
			t.Fatalf("%v: %v", m, err)
		}
	}
	if malformed == 0 || again == 0 || malformed+again > n/4 {
		t.Errorf("of %d requests %d are malformed, and %d come again", n, malformed, again)
	}
}
