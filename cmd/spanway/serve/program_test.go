package serve

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/cmd/spanway/task"
)

// program has the commands that the tests here call.
var program = clitest.Program{Command, Healthcheck, Doctor, task.Command}

func TestMain(m *testing.M) { clitest.Main(m) }
