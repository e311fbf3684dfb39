package queue

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/cmd/spanway/id"
)

// Entries of a queue with numbers of a space get theirs from the allocators; what is left of
// a range is returned. A space must be there.
func TestNumbersOfASpace(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	both := clitest.Program{Command, id.Command}
	for _, r := range []struct {
		args, stdin string
		code        int
		out, says   string
	}{
		{"queue create q --ids space --space s", "", cli.ExitRefused, "", `UNKNOWN_SPACE: there is no space "s"; create it`},
		{"queue create q --ids space --space s -o json", "", cli.ExitRefused, `"code":"UNKNOWN_SPACE"`, "UNKNOWN_SPACE"},
		{"id create s --to 1000 --max 10 --quarantine 0", "", 0, "space s", ""},
		{"queue create q --ids space --space none", "", cli.ExitRefused, "", "UNKNOWN_SPACE"},
		{"queue create q --ids space --space s", "", 0, "queue q", ""},
		{"queue enqueue q", "a\nb\nc\n", 0, "1\n2\n3\n", ""},
		{"id show s", "", 0, "3", ""},
		{"queue enqueue q --ndjson", `{"payload":"d"}`, 0, "\n", ""},
		{"queue enqueue q --id 70", "e", 0, "70\n", ""},
		{"id list -o json", "", 0, `"live":4`, ""},
		{"id create tiny --to 20", "", 0, "", ""},
		{"queue create qt --ids space --space tiny", "", 0, "", ""},
		{"queue enqueue qt", "a\nb\nc\n", 0, "1\n2\n3\n", ""},
		{"queue enqueue qt --payload d", "", 0, "\n", ""},
		{"queue enqueue qt --payload e", "", 0, "\n", ""},
		{"id list -o json", "", 0, `"free":11,"live":5,"quarantined":4`, ""},
		{"queue enqueue qt", strings.Repeat("f\n", 10), 0, "\n", ""},
		{"queue enqueue qt", strings.Repeat("g\n", 9), cli.ExitRefused, "", `queue qt: EXHAUSTED: space "tiny" has no free range of 1 identifiers`},
		{"id delete s --force", "", 0, "", ""},
		{"queue enqueue q", "f\n", cli.ExitRefused, "", "UNKNOWN_SPACE"},
	} {
		out, text, code := both.Call(t.Context(), r.stdin, append(strings.Fields(r.args), "--brokers", brokers)...)
		if code != r.code || !strings.Contains(out, r.out) || !strings.Contains(text, r.says) {
			t.Errorf("%s: exit code %d, %q, %s; want %d, %q, %q", r.args, code, out, text, r.code, r.out, r.says)
		}
	}
}
