package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// Every type of event is one line for people and one for programs, whatever it says.
func TestEveryEventIsOneLine(t *testing.T) {
	for _, typ := range events.Types() {
		for _, mode := range []string{"table", "json"} {
			t.Run(string(typ)+" "+mode, func(t *testing.T) {
				m := events.New(typ)
				clitest.FillMessage(m.ProtoReflect(), clitest.Hostile)
				e := client.Event{Topic: clitest.Hostile, AtMs: 1, Logged: events.Logged{Type: typ, Message: m}}
				out := clitest.Print(t, mode, func(a *cli.App) error { return a.PrintEvent(e, clitest.Hostile) })
				clitest.Shown(t, out)
				if n := strings.Count(out, "\n"); n != 1 {
					t.Errorf("it takes %d lines: %s", n, out)
				}
				var v cli.EventView
				if mode == "json" && (json.Unmarshal([]byte(out), &v) != nil || v.Topic != strings.ToValidUTF8(clitest.Hostile, "\ufffd")) {
					t.Errorf("as JSON it is another event: %s", out)
				}
			})
		}
	}
}

// A cell takes one line, and one that is long widens its own row alone.
func TestTable(t *testing.T) {
	out := clitest.Print(t, "table", func(a *cli.App) error {
		table := &cli.Table{Head: []string{"ID", "WHAT", "LAST"}}
		table.Add(cli.Plain(clitest.Hostile), cli.Marked(clitest.Hostile, "31"), cli.Plain(clitest.Hostile))
		table.Add(cli.Plain("a"), cli.Plain("b"), cli.Plain("c"))
		table.Add(cli.Plain(strings.Repeat("long", 50)), cli.Plain("b"), cli.Plain("c"))
		return a.Table(table)
	})
	clitest.Shown(t, out)
	lines := strings.Split(out, "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[2], "a   b     c") {
		t.Errorf("the table is\n%s", out)
	}
}

// What errors and notices say comes from anywhere: from a broker, from what is in a log,
// from a file.
func TestErrorsAndNoticesAreSafeForATerminal(t *testing.T) {
	var out, err bytes.Buffer
	code := cli.Execute(t.Context(), []string{"fail"}, cli.Streams{In: &bytes.Buffer{}, Out: &out, Err: &err}, func(*cli.App) *cobra.Command {
		return &cobra.Command{Use: "fail", RunE: func(*cobra.Command, []string) error { return errors.New(clitest.Hostile) }}
	})
	if code == cli.ExitDone || err.Len() == 0 {
		t.Errorf("it ends with %d and says %q", code, err.String())
	}
	clitest.Shown(t, err.String())
}
