package link

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/replication"
)

func TestHostileLinks(t *testing.T) {
	clitest.Withstands(t, func(a *cli.App, v linkView) { printLinks(a, []linkView{v}, "log") })
	clitest.Withstands(t, func(a *cli.App, v linkView) { printLink(a, &v, "log") })
	clitest.Withstands(t, func(a *cli.App, v linkView) { printChange(a, &v) })
	clitest.Withstands(t, func(a *cli.App, v auditView) { printAudits(a, []auditView{v}) })
	clitest.Withstands(t, func(a *cli.App, v replication.Application) { printAnnounced(a, v) })
	clitest.Withstands(t, func(a *cli.App, v translationView) { printTranslation(a, &v) })
	clitest.Withstands(t, func(a *cli.App, v positionView) { printPositions(a, []positionView{v}) })
	clitest.Withstands(t, func(a *cli.App, v groupView) { printGroups(a, []groupView{v}, "log") })
	clitest.Withstands(t, func(a *cli.App, d diff) { d.Fields = nil; d.print(a, false) }) // Fields are JSON.
}
