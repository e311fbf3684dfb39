package cli_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// A table is not wider than the terminal that it is printed on.
func TestATableStaysWithinTheTerminal(t *testing.T) {
	s := clitest.NewScreen(t)
	if err := unix.IoctlSetWinsize(int(s.Tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 60}); err != nil {
		t.Fatal(err)
	}
	table := &cli.Table{Head: []string{"NAME", "STATE", "REASON"}}
	table.Add(cli.Plain(strings.Repeat("n", 30)), cli.Plain("delta"), cli.Plain(strings.Repeat("r", 50)))
	table.Add(cli.Plain("last"), cli.Plain("idle"), cli.Plain("-"))
	if err := cli.NewApp(cli.Streams{Out: s.Tty}).Table(table); err != nil {
		t.Fatal(err)
	}
	shown, ok := s.Await("last")
	if !ok {
		t.Fatal(shown)
	}
	cut := false
	for line := range strings.Lines(shown) {
		line = strings.TrimRight(strings.NewReplacer("\x1b[1m", "", "\x1b[0m", "", "\x1b[22m", "").Replace(line), "\r\n")
		if n := utf8.RuneCountInString(line); n > 60 {
			t.Errorf("%q has %d columns", line, n)
		}
		cut = cut || strings.HasSuffix(line, "…")
	}
	if !cut {
		t.Errorf("nothing is cut of %q", shown)
	}
}
