package task

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// What a file of tasks may look like besides one JSON object a line: what can be read
// is read whole, and what cannot be is refused by the number of its line or at once.
func TestFilesOfTasksAsToolsWriteThem(t *testing.T) {
	s := clitest.Start(t, 0)
	long := `{"taskId":"long","kind":"` + strings.Repeat("k", cli.MaxLine) + `"}`
	for name, c := range map[string]struct {
		file string
		code int
		out  string
		says []string // on stderr
	}{
		"a BOM":                        {"\ufeff{\"taskId\":\"a\"}\n{\"taskId\":\"b\"}\n", cli.ExitDone, "2 valid, 0 refused\n", nil},
		"files with BOMs, joined":      {"\ufeff{\"taskId\":\"a\"}\n\ufeff{\"taskId\":\"b\"}\n", cli.ExitDone, "2 valid, 0 refused\n", nil},
		"a BOM and nothing else":       {"\ufeff", cli.ExitDone, "0 valid, 0 refused\n", nil},
		"lines that end with CR LF":    {"{\"taskId\":\"a\"}\r\n\r\n{\"taskId\":\"b\"}\r\n", cli.ExitDone, "2 valid, 0 refused\n", nil},
		"no end of the last line":      {"{\"taskId\":\"a\"}\n{\"taskId\":\"b\"}", cli.ExitDone, "2 valid, 0 refused\n", nil},
		"a line too long":              {"{\"taskId\":\"a\"}\n" + long + "\n{\"taskId\":\"b\"}\n{\"bad\":1}\n", cli.ExitRefused, "2 valid, 2 refused\n", []string{"line 2: TOO_LARGE: ", "bytes; at most", "line 4: UNKNOWN_FIELD"}},
		"the last line too long":       {"{\"taskId\":\"a\"}\n\n" + long, cli.ExitRefused, "1 valid, 1 refused\n", []string{"line 3: TOO_LARGE: "}},
		"an array over lines":          {"\ufeff\n[\n{\"taskId\":\"a\"},\n{\"taskId\":\"b\"}\n]\n", cli.ExitUsage, "0 valid, 0 refused\n", []string{"line 2 of - begins a JSON array", "jq -c '.[]' FILE"}},
		"an array on a line":           {"  [{\"taskId\":\"a\"}]\n", cli.ExitUsage, "0 valid, 0 refused\n", []string{"line 1 of - begins a JSON array"}},
		"an array too long for a line": {"[" + long + "]\n{\"taskId\":\"b\"}\n", cli.ExitUsage, "0 valid, 0 refused\n", []string{"line 1 of - begins a JSON array"}},
		"an object over lines":         {"{\n\"needs\":\n{}\n}\n", cli.ExitUsage, "0 valid, 0 refused\n", []string{"line 1 of - begins a JSON object that goes on", "jq -c . FILE"}},
		"an array later on":            {"{\"taskId\":\"a\"}\n[]\n{\"taskId\":\"b\"}\n", cli.ExitRefused, "2 valid, 1 refused\n", []string{"line 2: BAD_DATA"}},
		"UTF-16":                       {"\xff\xfe{\x00}\x00\n\x00", cli.ExitUsage, "0 valid, 0 refused\n", []string{"line 1 of - is UTF-16", "iconv"}},
		"two documents of YAML":        {"taskId: a\n---\ntaskId: b\n", cli.ExitRefused, "0 valid, 3 refused\n", []string{"line 1: BAD_DATA", "line 2: BAD_DATA", "line 3: BAD_DATA"}},
		"two objects on a line":        {"{\"taskId\":\"a\"} {\"taskId\":\"b\"}\n", cli.ExitRefused, "0 valid, 1 refused\n", []string{"line 1: BAD_DATA"}},
		"needs that lose digits":       {"{\"taskId\":\"a\",\"needs\":{\"m\":9007199254740993}}\n", cli.ExitRefused, "0 valid, 1 refused\n", []string{"line 1: BAD_NEEDS: needs.m", "write it as text"}},
		"needs as text":                {"{\"taskId\":\"a\",\"needs\":{\"m\":\"9007199254740993\"}}\n", cli.ExitDone, "1 valid, 0 refused\n", nil},
		"an ID to wait for":            {"{\"taskId\":\"a\",\"after\":[\"b\",\"c\\u0007\"]}\n", cli.ExitRefused, "0 valid, 1 refused\n", []string{"line 1: BAD_DATA: after[1] \"c\\a\" contains"}},
	} {
		out, stderr, code := program.Call(t.Context(), c.file, "task", "submit", "--file", "-", "-k", "noop", "--dry-run", "--brokers", s.Brokers()[0])
		if code != c.code || out != c.out {
			t.Errorf("%s: ends with %d and prints %q; want %d and %q; stderr: %.500s", name, code, out, c.code, c.out, stderr)
		}
		for _, want := range c.says {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: want %q in %.1000s", name, want, stderr)
			}
		}
		if strings.Contains(stderr, "9007199254740992") {
			t.Errorf("%s: names an amount that nobody wrote: %s", name, stderr)
		}
	}
}

// How often to try again is refused by the name of its flag, for one task and for many.
func TestRetriesAreRefusedByTheirName(t *testing.T) {
	for _, value := range []string{"2147483647", "1000", "-1", "-2147483648"} {
		for _, args := range [][]string{{"-k", "noop", "--dry-run"}, {"--file", "-"}, {"-k", "noop", "--every", "1h"}, {"--", "true"}} {
			args = append([]string{"task", "submit", "--brokers", "127.0.0.1:1", "--retries", value}, args...)
			_, stderr, code := program.Call(t.Context(), "", args...)
			if want := "--retries " + value + ": give 0 to 999"; code != cli.ExitUsage || !strings.Contains(stderr, want) {
				t.Errorf("%q ends with %d: %s; want %q", args, code, stderr, want)
			}
		}
	}
	out, stderr, code := program.Call(t.Context(), "", "task", "submit", "-k", "noop", "--retries", "999", "--dry-run", "--id", "most")
	if code != cli.ExitDone || !strings.Contains(out, `"maxAttempts":1000`) {
		t.Errorf("999 retries end with %d: %s%s", code, out, stderr)
	}
}
