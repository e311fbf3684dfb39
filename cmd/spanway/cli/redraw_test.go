package cli_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// A table that replaces the one before stays within the terminal, and erases what it does
// not cover; where there is no line for a row, that is said.
func TestRedraw(t *testing.T) {
	long := strings.Repeat("n", 60)
	for _, c := range []struct {
		name           string
		columns, lines int
		want           []string
	}{
		{"room for all", 100, 24, []string{
			"NAME                                      STATE  REASON",
			"a                                         delta  -",
			strings.Repeat("n", 39) + "…  idle   because of something",
			"b                                         delta  -",
			"as of x",
		}},
		{"narrow", 51, 0, []string{
			"NAME                                      STATE  R…",
			"a                                         delta  -",
			strings.Repeat("n", 39) + "…  idle   b…",
			"b                                         delta  -",
			"as of x",
		}},
		{"low", 100, 3, []string{
			"NAME                                      STATE  REASON",
			"a                                         delta  -",
			"2 more, as of x",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := &cli.Table{Head: []string{"NAME", "STATE", "REASON"}}
			table.Add(cli.Plain("a"), cli.Plain("delta"), cli.Plain("-"))
			table.Add(cli.Plain(long), cli.Plain("idle"), cli.Plain("because of something"))
			table.Add(cli.Plain("b"), cli.Plain("delta"), cli.Plain("-"))
			out := clitest.Print(t, "table", func(a *cli.App) error { return a.Redraw(table, "as of x", c.columns, c.lines) })
			want := "\x1b[H" + strings.Join(c.want, "\x1b[K\n") + "\x1b[J"
			if out != want {
				t.Errorf("it prints\n%q\nwant\n%q", out, want)
			}
			for _, line := range strings.Split(out, "\n") {
				for _, escape := range []string{"\x1b[H", "\x1b[K", "\x1b[J"} {
					line = strings.ReplaceAll(line, escape, "")
				}
				if n := utf8.RuneCountInString(line); n > c.columns {
					t.Errorf("%q has %d columns of %d", line, n, c.columns)
				}
			}
		})
	}
}
