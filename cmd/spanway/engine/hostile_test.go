package engine

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/query"
)

func TestHostileEngines(t *testing.T) {
	clitest.Withstands(t, func(a *cli.App, e query.Engine) { printEngines(a, []*query.Engine{&e}, nil) })
	clitest.Withstands(t, func(a *cli.App, e query.Engine) { printEngine(a, view(&e), &e) })
}
