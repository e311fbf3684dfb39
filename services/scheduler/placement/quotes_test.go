package placement_test

import (
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// The scenarios quote what the command line prints.
func init() {
	placement.UseTexts(placement.Texts{
		Explanation: func(x placement.Explanation) string { return render.Explanation(x, false).String() },
		Shortage:    render.Shortage, Amounts: render.Amounts, Score: render.Score,
	})
}
