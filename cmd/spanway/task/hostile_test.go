package task

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
)

func TestHostileTasks(t *testing.T) {
	clitest.Withstands(t, func(a *cli.App, x query.Task) {
		l := query.Listing{AtMs: 1}
		v := viewTask(&x, l.AsOf)
		v.resultView = resultView{Error: v.Error, Reason: v.Reason} // What it wrote may have several lines.
		printTask(a, v, l)
	})
	clitest.Withstands(t, func(a *cli.App, x query.Listing) { printTasks(a, []query.Listing{x}, 0) })
	clitest.Withstands(t, func(a *cli.App, x query.Explanation) { printWhatIf(a, x, 0) })
	clitest.Withstands(t, func(a *cli.App, x taskView) {
		x.Result = nil
		printTask(a, x, query.Listing{})
	})
	clitest.Withstands(t, func(a *cli.App, x client.Result) {
		x.State, x.Data = client.Succeeded, nil
		printEnd(a, x, again{}, 0, nil)
	})
}
