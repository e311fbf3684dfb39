package task

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/cmd/spanway/engine"
	"github.com/spanway/spanway/cmd/spanway/serve"
	"github.com/spanway/spanway/cmd/spanway/verify"
)

// program has the commands that the tests here call.
var program = clitest.Program{Command, engine.Command, serve.Command, verify.Command}

func TestMain(m *testing.M) { clitest.Main(m) }

func TestSessions(t *testing.T) { program.Sessions(t) }
