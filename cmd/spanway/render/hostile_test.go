package render_test

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/internal/replay"
)

func TestHostileAnswers(t *testing.T) {
	clitest.Withstands(t, func(a *cli.App, e query.Explanation) { a.Printf("%s", render.Explanation(e, false)) })
	clitest.Withstands(t, func(a *cli.App, r replay.Report) { a.Printf("%s", render.Report(&r)) })
}
