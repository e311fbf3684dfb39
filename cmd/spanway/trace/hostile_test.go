package trace

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

func TestHostileTrace(t *testing.T) {
	clitest.Withstands(t, drawTrace)
	clitest.Withstands(t, func(a *cli.App, v traceView) { a.Object(v) })
}
