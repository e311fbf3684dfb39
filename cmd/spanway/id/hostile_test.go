package id

import (
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/ids"
)

func TestHostileSpaces(t *testing.T) {
	clitest.Withstands(t, func(a *cli.App, s query.Space) { _ = printSpaces(a, []*query.Space{&s}, nil) })
	clitest.Withstands(t, func(a *cli.App, s query.Space) { _ = printSpace(a, &s) })
	clitest.Withstands(t, func(a *cli.App, r query.Range) { _ = printRange(a, r) })
	clitest.Withstands(t, func(a *cli.App, i query.Identifier) { _ = printIdentifier(a, &i) })
	clitest.Withstands(t, func(a *cli.App, g ids.Grant) { _, _ = printGrant(a, g), printRenewed(a, g, time.Hour) })
	clitest.Withstands(t, func(a *cli.App, v answerView) { _ = printAnswer(a, v) })
}
