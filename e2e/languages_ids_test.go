package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A range of identifiers can be had from anything that speaks Kafka: five headers and
// JSON, and the same request ID gets the same range again. It is on the embedded broker
// and named for Apache because `make test-kafka` is where the clients are installed.
func TestApacheProducersOfIdentifiers(t *testing.T) {
	for _, args := range [][]string{nil, {"--json"}} {
		_, addr, _ := startDev(t, filepath.Join(t.TempDir(), "data"), args...)
		if out, err := commandLine(t.Context(), binary, "id", "create", "spi", "--to", "100", "--max", "10", "--brokers", addr).CombinedOutput(); err != nil {
			t.Fatalf("id create: %v\n%s", err, out)
		}
		for _, l := range []language{
			{name: "python", tools: []string{"python3"}, built: "python/.venv/.complete", submit: func(words ...string) *exec.Cmd {
				return exec.Command(".venv/bin/python", append([]string{"grant.py"}, words...)...)
			}},
			{name: "node", tools: []string{"node", "npm"}, built: "node/node_modules/.complete", submit: func(words ...string) *exec.Cmd {
				return exec.Command("node", append([]string{"grant.js"}, words...)...)
			}},
		} {
			t.Run(l.name+strings.Join(args, ""), func(t *testing.T) {
				l.require(t)
				l.grants(t, addr)
			})
		}
	}
}

var printedRange = regexp.MustCompile(`^\d+-\d+  chain-\w+\n$`)

func (l language) grants(t *testing.T, addr string) {
	t.Helper()
	ask := func(words ...string) (stdout, stderr string, code int) {
		var out, log strings.Builder
		cmd := l.submit(words...)
		cmd.Dir, cmd.Env = filepath.Join(producers, l.name), append(os.Environ(), "SPANWAY_BROKERS="+addr)
		cmd.Stdout, cmd.Stderr = &out, &log
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatalf("%s: %v", cmd, err)
		}
		return out.String(), log.String(), cmd.ProcessState.ExitCode()
	}
	for _, count := range []string{"abc", "1.5", "--4", "9223372036854775808"} {
		if out, log, code := ask("spi", count); code != 2 || out != "" || !strings.Contains(log, "give a whole number") {
			t.Errorf("a count of %s: ends with %d and prints %q and %q", count, code, out, log)
		}
	}
	if out, log, code := ask(); code != 2 || out != "" || !strings.Contains(log, "SPACE [COUNT [REQUEST_ID]]") {
		t.Errorf("without a space: ends with %d and prints %q and %q", code, out, log)
	}
	first, log, code := ask("spi", "4", "chain-"+l.name)
	if code != 0 || !printedRange.MatchString(first) {
		t.Fatalf("a grant: ends with %d and prints %q\n%s", code, first, log)
	}
	if again, log, code := ask("spi", "4", "chain-"+l.name); code != 0 || again != first {
		t.Errorf("the same request again: ends with %d and prints %q, want 0 and %q\n%s", code, again, first, log)
	}
	if other, log, code := ask("spi", "4", "chain-other"+l.name); code != 0 || other == first || !printedRange.MatchString(other) {
		t.Errorf("another request: ends with %d and prints %q after %q\n%s", code, other, first, log)
	}
	for _, refused := range []struct{ words, code string }{
		{"spi 5 chain-" + l.name, "REQUEST_MISMATCH"}, {"spi 11", "BAD_COUNT"}, {"spi 0", "BAD_COUNT"}, {"nope", "UNKNOWN_SPACE"},
	} {
		if out, log, code := ask(strings.Fields(refused.words)...); code != 1 || out != "" || !strings.HasPrefix(log, refused.code+": ") {
			t.Errorf("grant %s: ends with %d and prints %q and %q, want 1 and %s", refused.words, code, out, log, refused.code)
		}
	}
}
