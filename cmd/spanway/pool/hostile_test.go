package pool

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/query"
)

func TestHostilePools(t *testing.T) {
	clitest.Withstands(t, func(a *cli.App, p query.Pool) { printPools(a, []*query.Pool{&p}, nil) })
	clitest.Withstands(t, func(a *cli.App, v poolView) { printPool(a, v) })
}
