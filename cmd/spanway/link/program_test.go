package link

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// program has the commands that the tests here call.
var program = clitest.Program{Command}

func TestMain(m *testing.M) { clitest.Main(m) }

func TestSessions(t *testing.T) { program.Sessions(t) }
