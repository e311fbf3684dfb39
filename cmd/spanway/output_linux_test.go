package main

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// What tasks write is as they wrote it for a program, and cannot change a terminal.
func TestOutputOfTasks(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	x := &full{system: clitest.Start(t, 1), fill: strings.NewReplacer()}
	x.sayHostileThings(t)
	file := t.TempDir() + "/output"
	if err := os.WriteFile(file, []byte(clitest.Hostile+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"task submit --wait -- cat " + file, "task submit --wait --follow -- cat " + file, "task watch hostile --raw"} {
		args := x.args(x.system, line, "table")
		if stdout, _, _ := program.Call(t.Context(), "", args...); stdout != clitest.Hostile+"\n" {
			t.Errorf("%s prints %q", line, stdout)
		}
		s := clitest.NewScreen(t)
		program.Run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: s.Tty, Err: io.Discard})
		shown, ok := s.Await("z\r\n")
		if clitest.Shown(t, strings.NewReplacer("\r\n", "\n", "\t", " ").Replace(shown)); !ok {
			t.Errorf("%s shows %q", line, shown)
		}
	}
}
