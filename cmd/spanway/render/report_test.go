package render

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/internal/replay"
)

func TestReportNamesWhatMatters(t *testing.T) {
	side := func(waitMs, makespanMs int64) replay.Side {
		return replay.Side{
			Placed: 30, Succeeded: 30, MakespanMs: makespanMs, Wait: replay.Wait{P50Ms: waitMs},
			Engines: []replay.Engine{{ID: "e1", Placements: 30}},
		}
	}
	text := Report(&replay.Report{
		Pool: "blue", Tasks: 30, Record: side(0, 900), Baseline: side(0, 900), Replay: side(1000, 2900),
	}).String()
	for _, want := range []string{"30 tasks", "900ms", "2.9s", "+2s", "PLACEMENTS BY ENGINE", "the baseline is off the record by 0 tasks"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q:\n%s", want, text)
		}
	}
}
