package network

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/cmd/spanway/site"
)

// program has the commands that the tests here call.
var program = clitest.Program{Command, site.Command}

func TestMain(m *testing.M) { clitest.Main(m) }

var _ cli.Command = Command

// A session from the first site to objects that are withdrawn.
func TestSession(t *testing.T) {
	g := clitest.StartGovern(t, "ams", "fra")
	program.Session(t, "testdata/network.txt", "--config", g.Config)
}
