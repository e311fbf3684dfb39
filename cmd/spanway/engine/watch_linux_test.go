package engine

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

func TestEngineWatch(t *testing.T) {
	s := clitest.Start(t, 1)
	lines, stop := program.Watch(t, "engine", "watch", "local-1", "--brokers", s.Brokers()[0])
	for _, verb := range []string{"drain", "resume"} {
		if _, stderr, code := program.Call(t.Context(), "", "engine", verb, "local-1", "--brokers", s.Brokers()[0]); code != cli.ExitDone {
			t.Fatalf("engine %s ends with %d: %s", verb, code, stderr)
		}
	}
	for _, want := range []string{"engine.draining", "engine.resumed"} {
		if line := <-lines; !strings.HasPrefix(line, "local-1 ") || !strings.Contains(line, want) {
			t.Errorf("engine watch prints %q; want %s of local-1", line, want)
		}
	}
	if code := stop(); code != cli.ExitInterrupted {
		t.Errorf("engine watch ends with %d when it is stopped", code)
	}
}
