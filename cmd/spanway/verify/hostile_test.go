package verify

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/verify/tasks"
)

func TestHostileFindings(t *testing.T) {
	clitest.Withstands(t, func(a *cli.App, r tasks.Report) {
		printLog(a, &logReport{Topic: "topic", Rules: []string{"G1"}, tasks: true, found: r}, true)
	})
}
