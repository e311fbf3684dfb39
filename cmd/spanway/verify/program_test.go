package verify

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/cmd/spanway/network"
	"github.com/spanway/spanway/cmd/spanway/site"
	"github.com/spanway/spanway/cmd/spanway/task"
)

// program has the commands that the tests here call.
var program = clitest.Program{Command, task.Command, network.Command, site.Command}

func TestMain(m *testing.M) { clitest.Main(m) }
