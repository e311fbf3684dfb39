package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/pkg/events"
)

// Nothing that a command prints is lost in silence: where standard output takes
// nothing, each command says so and exits with 1.
func TestEveryCommandSaysThatItsOutputIsLost(t *testing.T) {
	var paths []string
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		paths = append(paths, c.CommandPath())
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(cli.Tree(commands...))
	for _, path := range paths {
		if len(printings[path]) == 0 {
			t.Errorf("%q is not in the table: add a call of it that prints something", path)
		}
	}
	if len(printings) > len(paths) {
		t.Errorf("the table has %d commands, the program %d", len(printings), len(paths))
	}
	onFull := newFull(t)
	onFull.calls(t, true, func(t *testing.T, call printing, mode string) { onFull.call(t, call, mode) })
}

// What tasks, engines and people say changes nothing on a terminal, whatever command
// prints it.
func TestNoCommandPrintsRawText(t *testing.T) {
	x := newFull(t)
	for _, terminal := range []bool{false, true} {
		x.calls(t, false, func(t *testing.T, call printing, mode string) {
			switch {
			case call.once != "", strings.Contains(call.args, "--every"), strings.HasPrefix(call.args, "dev"):
				return // It goes on; its lines are those of the others.
			case terminal && (strings.HasPrefix(call.args, "bench") || strings.Contains(call.args, "--file")):
				return // A bar shows how far it is.
			case !terminal && call.args == "task watch hostile" && mode == "table":
				return // A program gets what the task wrote.
			}
			args := x.args(x.at(call), call.args, mode)
			if !terminal {
				stdout, stderr, _ := program.Call(t.Context(), "", args...)
				clitest.Shown(t, strings.ReplaceAll(stdout+stderr, "\t", " "))
				return
			}
			s := clitest.NewScreen(t)
			t.Setenv("NO_COLOR", "1")
			program.Run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: s.Tty, Err: s.Tty})
			fmt.Fprintln(s.Tty, "END OF OUTPUT")
			shown, _ := s.Await("END OF OUTPUT")
			clitest.Shown(t, strings.NewReplacer("\r\n", "\n", "\t", " ").Replace(shown))
		})
	}
}

// calls calls do with each call of the table, in each mode.
func (x *full) calls(t *testing.T, slow bool, do func(t *testing.T, call printing, mode string)) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(printings)) {
		for _, call := range printings[path] {
			for _, mode := range []string{"table", "json"} {
				if call.slow && (!slow || mode == "json") {
					continue
				}
				t.Run(fmt.Sprintf("%s -o %s", call.args, mode), func(t *testing.T) { do(t, call, mode) })
			}
		}
	}
}

// sayHostileThings puts hostile text wherever text is free.
func (x *full) sayHostileThings(t *testing.T) {
	t.Helper()
	file := t.TempDir() + "/output"
	if err := os.WriteFile(file, []byte(clitest.Hostile+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := x.system.Brokers()[0]
	comment := "\n//" + strings.ReplaceAll(strings.ReplaceAll(clitest.Hostile, "\n", " "), "\r", " ")
	for _, c := range []struct {
		want int
		args []string
	}{
		{cli.ExitDone, []string{"task", "submit", "--id", "hostile", "--where", "true" + comment, "--prefer", "1.0" + comment, "--wait", "--", "cat", file}},
		{cli.ExitTaskFailed, []string{"task", "submit", "--retries", "0", "--wait", "--", "cat", "/no/such/" + clitest.Hostile}},
		{cli.ExitDone, []string{"task", "submit", "--id", "held", "-k", "noop", "--where", "false && 1 == 2" + comment, "--prefer", "1.0" + comment}},
		{cli.ExitDone, []string{"task", "submit", "--id", "dropped", "-k", "noop", "--where", "false"}},
		{cli.ExitDone, []string{"task", "cancel", "dropped", "--reason", clitest.Hostile}},
		{cli.ExitDone, []string{"engine", "drain", "local-1", "--reason", clitest.Hostile}},
		{cli.ExitDone, []string{"engine", "resume", "local-1"}},
	} {
		args := slices.Insert(c.args, 2, "--brokers", at)
		if _, stderr, code := program.Call(t.Context(), "", args...); code != c.want {
			t.Fatalf("%q ends with %d: %s", args, code, stderr)
		}
	}
}

// at is the system that a call is for.
func (x *full) at(p printing) *run.System {
	switch {
	case strings.HasPrefix(p.args, "log reset"):
		return x.broken
	case strings.HasPrefix(p.args, "network") || strings.HasPrefix(p.args, "site"):
		return x.governed
	}
	return x.system
}

// full calls commands on a system whose output goes to a device that is full.
type full struct {
	out *os.File
	// system holds tasks in all states; of broken, logs have lost their beginning; governed has
	// managers of networks.
	system, broken, governed *run.System
	fill                     *strings.Replacer
	token                    string // of the claims in a queue
	network, other           string // files of objects
}

func newFull(t *testing.T) *full {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	out, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	x := &full{out: out, system: clitest.Start(t, 1), broken: clitest.Start(t, 0), governed: clitest.StartGovern(t, "ams").System, fill: strings.NewReplacer()}
	for _, args := range []string{"--id done --wait -- cat /etc/hostname", "-k noop --id stuck --where false", "-k noop --id waits-table --where false", "-k noop --id waits-json --where false"} {
		x.ends(t, x.system, cli.ExitDone, "task submit "+args)
	}
	later := t.TempDir() + "/later" // A task ends badly, and will not when it is tried again.
	x.ends(t, x.system, cli.ExitTaskFailed, "task submit --id dead --retries 0 --wait -- cat "+later)
	if err := os.WriteFile(later, []byte("now"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.sayHostileThings(t)
	x.breakLogs(t)
	x.fillQueue(t)
	x.fillNetworks(t)
	for _, line := range []string{"create full --to 1000", "create deleted-table --to 9", "create deleted-json --to 9",
		"grant full --request-id released-table", "grant full --request-id released-json", "grant full --request-id held"} {
		x.ends(t, x.system, cli.ExitDone, "id "+line)
	}
	for _, name := range []string{"full", "deleted-table", "deleted-json"} {
		x.ends(t, x.system, cli.ExitDone, "link apply "+name+" --source ams --include "+name)
		x.ends(t, x.system, cli.ExitDone, "link group apply "+name+" --topic "+name)
	}
	return x
}

// breakLogs takes the beginning of two partitions of tasks.events away.
func (x *full) breakLogs(t *testing.T) {
	t.Helper()
	lost := map[string]int32{}
	for _, mode := range []string{"table", "json"} {
		pool := "reset-" + mode
		partition := events.PoolPartition(events.Pool(pool))
		x.ends(t, x.broken, cli.ExitDone, "task submit -k noop --id gone --pool "+pool)
		x.ends(t, x.broken, cli.ExitDone, "task cancel gone --pool "+pool)
		topic := events.Topics{Prefix: events.DefaultPrefix}.Events()
		_, end, err := x.broken.Cluster().Offsets(t.Context(), topic, partition)
		if err == nil {
			err = x.broken.Cluster().Kafka().DeleteRecords(t.Context(), topic, partition, end-1)
		}
		if err != nil {
			t.Fatal(err)
		}
		lost[mode] = partition
	}
	file := t.TempDir() + "/tasks.ndjson"
	if err := os.WriteFile(file, []byte("{\"kind\":\"noop\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.fill = strings.NewReplacer("FILE", file, "RESET-table", fmt.Sprint(lost["table"]), "RESET-json", fmt.Sprint(lost["json"]), "CHANGE-table", "2", "CHANGE-json", "3")
}

// fillNetworks makes sites, and a file of objects.
func (x *full) fillNetworks(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, path, says string) string {
		file := dir + "/" + name
		if err := os.WriteFile(file, fmt.Appendf(nil, "{path: %s, span: {sites: [ams]}, network: {%s}}\n", path, says), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	x.network, x.other = write("shop", "/networks/shop", ""), write("other", "/networks/shop", "description: other")
	for _, line := range []string{"site add ams", "site add gone-table", "site add gone-json", "network apply -f " + x.network} {
		x.ends(t, x.governed, cli.ExitDone, line)
	}
	for _, mode := range []string{"table", "json"} { // Changes 2 and 3.
		x.ends(t, x.governed, cli.ExitDone, "network apply -f "+write(mode, "/networks/"+mode, ""))
	}
}

// fillQueue makes a queue with entries, claimed ones among them.
func (x *full) fillQueue(t *testing.T) {
	t.Helper()
	at := []string{"--brokers", x.system.Brokers()[0]}
	claimed := []string{"claimed", "done-table", "done-json", "released-table", "released-json"}
	for _, name := range []string{"full", "deleted-table", "deleted-json"} {
		x.ends(t, x.system, cli.ExitDone, "queue create "+name)
	}
	x.ends(t, x.system, cli.ExitDone, "queue create sequence --ids sequence")
	for _, id := range append(claimed, "removed-table", "removed-json", "hostile", "free-1", "free-2") {
		args := append([]string{"queue", "enqueue", "full", "--id", id}, at...)
		if _, stderr, code := program.Call(t.Context(), clitest.Hostile, args...); code != cli.ExitDone {
			t.Fatalf("%q ends with %d: %s", args, code, stderr)
		}
	}
	stdout, stderr, code := program.Call(t.Context(), "", append(append([]string{"queue", "claim", "full", "--lease", "1h", "-o", "json"}, claimed...), at...)...)
	var got struct{ Token string }
	if err := json.Unmarshal([]byte(strings.SplitN(stdout, "\n", 2)[0]), &got); code != cli.ExitDone || err != nil {
		t.Fatalf("claim ends with %d: %s (%v)", code, stderr, err)
	}
	x.token = got.Token
}

// ends calls a command that must end with an exit code.
func (x *full) ends(t *testing.T, at *run.System, want int, line string) {
	t.Helper()
	if _, stderr, code := program.Call(t.Context(), "", x.args(at, line, "table")...); code != want {
		t.Fatalf("%s ends with %d: %s; want %d", line, code, stderr, want)
	}
}

func (x *full) args(at *run.System, line, mode string) []string {
	line = strings.NewReplacer("MODE", mode, "TOKEN", x.token, "NETWORK", x.network, "OTHER", x.other).Replace(line)
	line, command, has := strings.Cut(x.fill.Replace(line), "-- ")
	args := strings.Fields(line)
	first, _, _ := strings.Cut(line, " ")
	if first == "task" || first == "engine" || first == "pool" || first == "queue" || first == "id" || first == "link" || first == "log" || first == "trace" || first == "verify" || first == "network" || first == "site" {
		args = append(args, "--brokers", at.Brokers()[0])
	}
	if len(args) > 0 && !strings.HasPrefix(first, "-") && first != "help" && first != "completion" {
		args = append(args, "-o", mode)
	}
	if has {
		args = append(append(args, "--"), strings.Fields(command)...)
	}
	return args
}

func (x *full) call(t *testing.T, p printing, mode string) {
	at := x.at(p)
	s := clitest.NewScreen(t)
	ended := make(chan int, 1)
	go func() {
		ended <- program.Run(t.Context(), x.args(at, p.args, mode), cli.Streams{In: strings.NewReader(""), Out: x.out, Err: s.Tty})
	}()
	if p.once != "" {
		if shown, ok := s.Await("watching"); !ok {
			t.Fatalf("it does not begin to watch:\n%s", shown)
		}
		x.ends(t, at, cli.ExitDone, p.once)
	}
	code := <-ended
	fmt.Fprintln(s.Tty, "END OF OUTPUT")
	shown, _ := s.Await("END OF OUTPUT")
	if code != cli.ExitRefused || strings.Count(shown, "no space left on device") != 1 {
		t.Errorf("it ends with %d and says on stderr:\n%swant exit code 1 and once that there is no space left", code, shown)
	}
}
