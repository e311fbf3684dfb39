package clitest

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/services/engine"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the sessions in testdata with what the program says")

// Main is TestMain of a package that plays sessions: no test leaves a goroutine behind.
func Main(m *testing.M) {
	engine.MaybeGuard()
	goleak.VerifyTestMain(m)
}

// slots are those of each engine, on whatever machine: sessions show them.
const slots = 16

// Start runs a whole system in this process.
func Start(t *testing.T, engines int) *run.System {
	t.Helper()
	return StartSites(t, engines)
}

// StartSites runs a whole system with several sites in this process; one if none is named.
func StartSites(t *testing.T, engines int, sites ...string) *run.System {
	t.Helper()
	log, err := telemetry.Logger(&bytes.Buffer{}, "text", "error")
	if err != nil {
		t.Fatal(err)
	}
	s, err := run.Start(t.Context(), run.Config{Engines: engines, Engine: run.EngineConfig{Slots: slots}, Sites: sites, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	for _, site := range s.Sites() {
		Answers(t, site.Kafka)
	}
	return s
}

// answering are the addresses of brokers of tests that are to answer, and configuration files
// that name them.
var answering sync.Map

// Answers says that a broker, or each one that a configuration file names, is to answer until
// the test ends, however slow the machine is: commands wait a minute for it, else they would
// give up after some seconds, and that they wait is not part of what Call returns.
func Answers(t *testing.T, places ...string) {
	t.Helper()
	for _, place := range places {
		answering.Store(place, true)
		t.Cleanup(func() { answering.Delete(place) })
	}
}

// patient adds to a call of a broker that is to answer how long to wait for it, unless the
// call says so, and tells whether the broker is to answer.
func patient(args []string) (_ []string, answers bool) {
	flags := args
	if end := slices.Index(args, "--"); end >= 0 {
		flags = args[:end]
	}
	at := 0
	for _, flag := range []string{"--config", "--brokers"} {
		if i := slices.Index(flags, flag) + 1; i > 0 && i < len(flags) {
			if _, known := answering.Load(flags[i]); known {
				at = i
			}
		}
	}
	if at == 0 || slices.Contains(flags, "--dial-timeout") {
		return args, at > 0
	}
	return slices.Insert(slices.Clone(args), at+1, "--dial-timeout", "1m"), true
}

// waits are what a command says on a slow machine: that there is no answer yet.
var waits = regexp.MustCompile(`(?m)^spanway: (trying again: .*: there is no answer yet|it goes on again).*\n`)

// WithoutWaits is what a command has said on standard error, without that it waits for brokers
// that are slow.
func WithoutWaits(stderr string) string { return waits.ReplaceAllString(stderr, "") }

// Program is the program as far as tests need it: some of its commands.
type Program []cli.Command

// Run runs one command line.
func (p Program) Run(ctx context.Context, args []string, s cli.Streams) int {
	args, _ = patient(args)
	return cli.Execute(ctx, args, s, p...)
}

// Call runs one command line to its end.
func (p Program) Call(ctx context.Context, stdin string, args ...string) (stdout, stderr string, code int) {
	var out, err bytes.Buffer
	code = p.Run(ctx, args, cli.Streams{In: strings.NewReader(stdin), Out: &out, Err: &err})
	if stderr = err.String(); code != cli.ExitUnavailable {
		if _, answers := patient(args); answers {
			stderr = WithoutWaits(stderr)
		}
	}
	return out.String(), stderr, code
}

// Sessions plays the sessions in testdata: each line that begins with $ is a
// command, what follows is what it says (of what differs from run to run only
// the kind), stderr marked with !, and its exit code if that is not 0. Look at
// the difference before you use -rewrite.
func (p Program) Sessions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sessions in testdata (%v)", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p.Session(t, file, "--brokers", Start(t, 1).Brokers()[0])
		})
	}
}

// Session plays one session, each command with flags that say where it goes.
func (p Program) Session(t *testing.T, file string, where ...string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(string(want)) {
		switch {
		case strings.HasPrefix(line, "$ "):
			got.WriteString(line)
			got.WriteString(p.play(t, strings.TrimSpace(line[2:]), where))
		case strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "":
			got.WriteString(line)
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the session went differently (-want +got):\n%s", diff)
	}
}

// play runs the command of a line, of which << begins its standard input.
func (p Program) play(t *testing.T, line string, where []string) string {
	line, stdin, _ := strings.Cut(line, " << ")
	stdin = strings.ReplaceAll(stdin, "|", "\n")
	args := words(line)[1:]
	end := slices.Index(args, "--") // Flags come before the command to execute.
	if end < 0 {
		end = len(args)
	}
	args = slices.Insert(args, end, where...)
	stdout, stderr, code := p.Call(t.Context(), stdin, args...)
	var b strings.Builder
	for l := range strings.Lines(normal(stdout)) {
		if l != "\n" { // An empty line separates commands in a session.
			b.WriteString(l)
		}
	}
	for l := range strings.Lines(normal(stderr)) {
		b.WriteString("! " + l)
	}
	if code != 0 {
		fmt.Fprintf(&b, "= %d\n", code)
	}
	return b.String()
}

// words splits a line as a shell does, with single quotes.
func words(line string) []string {
	var out []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return out
}

var unstable = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`.*task\.started.*\n`), ""}, // Said only of what runs for more than 100 ms.
	{waits, ""}, // Of a slow machine.
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`), "TIME"},
	{regexp.MustCompile(`\d\d:\d\d:\d\d\.\d{3}`), "TIME"},
	{regexp.MustCompile(`\b(\d+)-[0-9a-f]{16}\b`), "$1-CREATION"}, // The token of a claim.
	{regexp.MustCompile(`@\d+`), "@N"},
	{regexp.MustCompile(`( seq +|"seq":)\d{2,}`), "${1}N"}, // Behind claims, between which time passes.
	{regexp.MustCompile(`(?m)\b(\d+m)?\d+(s|ms|\.\d+s)( |\)|$)`), "AGE$3"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`offset \d+`), "offset N"},
	{regexp.MustCompile(`\d+ records in`), "N records in"},
	{regexp.MustCompile(`\d+ count;`), "N count;"},
	{regexp.MustCompile(`"claimId":"[^"]*"`), `"claimId":"RANDOM"`},
	{regexp.MustCompile(`"spanway-log":"[^"]*"`), `"spanway-log":"CHAIN"`},
	{regexp.MustCompile(`"(for_ms|offset)":\d+`), `"$1":N`},
	{regexp.MustCompile(`go1\.[0-9.]+`), "GO"},
	{regexp.MustCompile(` *(█+|▏)\n`), " BAR\n"},
	{regexp.MustCompile(`"(duration_ms|offset_ms)":\d+`), `"$1":N`},
	{regexp.MustCompile(` +`), " "},
	{regexp.MustCompile(` +\n`), "\n"},
}

// normal replaces what differs from run to run.
func normal(s string) string {
	for _, u := range unstable {
		s = u.what.ReplaceAllString(s, u.as)
	}
	return s
}
