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

// printing is a call of a command that makes it print something to standard output.
type printing struct {
	args string // MODE stands for table or json
	// once is a command that is called as soon as this one says that it watches.
	once string
	// slow is called with output in one mode only.
	slow bool
}

// printings are calls of every command, by its path.
var printings = map[string][]printing{
	"spanway": {{args: ""}, {args: "--help"}},

	"spanway bench":                 {{args: "--help"}},
	"spanway bench ids":             {{args: "bench ids --callers 4 --rounds 1 --duration 20ms --sizes 20"}},
	"spanway bench mirror":          {{args: "bench mirror --records 200 --sizes 20 --partitions 1 --rate 100 --duration 100ms --found 1 --crowd 1"}},
	"spanway bench pools":           {{args: "bench pools --tasks 40 --schedulers 2 --pools 1 --slots 20", slow: true}},
	"spanway bench queue":           {{args: "bench queue --entries 200 --rounds 1 --claims 20 --singles 5 --sizes 50"}},
	"spanway bench tasks":           {{args: "bench tasks --tasks 20 --rounds 1 --slots 20 --rate 0"}},
	"spanway completion":            {{args: "completion"}},
	"spanway completion bash":       {{args: "completion bash"}},
	"spanway completion fish":       {{args: "completion fish"}},
	"spanway completion powershell": {{args: "completion powershell"}},
	"spanway completion zsh":        {{args: "completion zsh"}},
	"spanway dev":                   {{args: "dev --port 0 --http= --log-level error"}},
	"spanway doctor":                {{args: "doctor --listen 0"}},
	"spanway engine":                {{args: "engine --help"}},
	"spanway engine drain":          {{args: "engine drain local-1"}},
	"spanway engine list":           {{args: "engine list"}},
	"spanway engine resume":         {{args: "engine resume local-1"}},
	"spanway engine show":           {{args: "engine show local-1"}},
	"spanway engine watch":          {{args: "engine watch", once: "engine resume local-1"}},
	"spanway healthcheck":           {{args: "healthcheck --help"}}, // Else it says nothing.
	"spanway help":                  {{args: "help"}, {args: "help task submit"}},
	"spanway id":                    {{args: "id --help"}},
	"spanway id create":             {{args: "id create made-MODE --to 9"}},
	"spanway id delete":             {{args: "id delete deleted-MODE"}},
	"spanway id grant":              {{args: "id grant full"}},
	"spanway id grow":               {{args: "id grow full --to 2000"}},
	"spanway id list":               {{args: "id list"}},
	"spanway id release":            {{args: "id release full --request-id released-MODE"}},
	"spanway id renew":              {{args: "id renew full --request-id held --lease 1h"}},
	"spanway id reserve":            {{args: "id reserve full --from 900 --request-id same"}},
	"spanway id show":               {{args: "id show full"}, {args: "id show full --ranges"}, {args: "id show full/1"}},
	"spanway id watch":              {{args: "id watch full", once: "id grant full"}},
	"spanway link":                  {{args: "link --help"}},
	"spanway link announce":         {{args: "link announce full --topic full"}},
	"spanway link apply":            {{args: "link apply full --source ams --include full --dry-run"}, {args: "link apply full --source ams --include full-MODE"}},
	"spanway link audit":            {{args: "link audit --help"}}, // It takes two clusters.
	"spanway link delete":           {{args: "link delete deleted-MODE"}},
	"spanway link failover":         {{args: "link failover --help"}}, // As link audit.
	"spanway link group":            {{args: "link group --help"}},
	"spanway link group apply":      {{args: "link group apply full --topic full-MODE"}},
	"spanway link group delete":     {{args: "link group delete deleted-MODE"}},
	"spanway link group list":       {{args: "link group list"}},
	"spanway link groups":           {{args: "link groups --help"}}, // As link audit.
	"spanway link import":           {{args: "link import --help"}},
	"spanway link list":             {{args: "link list"}},
	"spanway link pause":            {{args: "link pause full"}},
	"spanway link resume":           {{args: "link resume full"}},
	"spanway link show":             {{args: "link show full"}, {args: "link show full --partitions"}},
	"spanway link translate":        {{args: "link translate --help"}}, // As link audit.
	"spanway link watch":            {{args: "link watch", once: "link resume full"}},
	"spanway link withdraw":         {{args: "link withdraw full"}},
	"spanway log":                   {{args: "log --help"}},
	"spanway log dead":              {{args: "log dead"}, {args: "log dead --replay --all --dry-run"}},
	"spanway log list":              {{args: "log list"}},
	"spanway log replay":            {{args: "log replay"}},
	"spanway log show":              {{args: "log show tasks.events"}, {args: "log show tasks.events/11@0"}, {args: "log show tasks.events/11@20"}},
	"spanway log tail":              {{args: "log tail tasks.events --from-start"}, {args: "log tail tasks.requests --from-start"}},
	"spanway log reset":             {{args: "log reset tasks.events/RESET-MODE --accept-loss"}},
	"spanway network":               {{args: "network --help"}},
	"spanway network apply":         {{args: "network apply -f NETWORK --dry-run"}, {args: "network apply -f NETWORK"}},
	"spanway network delete":        {{args: "network delete /networks/shop --dry-run"}},
	"spanway network diff":          {{args: "network diff -f OTHER"}},
	"spanway network get":           {{args: "network get"}},
	"spanway network history":       {{args: "network history"}},
	"spanway network list":          {{args: "network list"}},
	"spanway network show":          {{args: "network show /networks/shop"}},
	"spanway network why":           {{args: "network why /networks/shop --site ams"}},
	"spanway network withdraw":      {{args: "network withdraw CHANGE-MODE"}},
	"spanway pool":                  {{args: "pool --help"}},
	"spanway pool list":             {{args: "pool list"}},
	"spanway pool set":              {{args: "pool set default --weight acme=2"}},
	"spanway pool show":             {{args: "pool show default"}},
	"spanway pool watch":            {{args: "pool watch", once: "pool set default --weight acme=3"}},
	"spanway principal":             {{args: "principal --help"}},
	"spanway principal apply":       {{args: "principal apply -f ../../deploy/secure/principals-ams.yaml --dry-run"}},
	"spanway principal list":        {{args: "principal list --help"}}, // It takes a broker with an authorizer.
	"spanway principal show":        {{args: "principal show --help"}}, // As above.
	"spanway queue":                 {{args: "queue --help"}},
	"spanway queue claim":           {{args: "queue claim full"}},
	"spanway queue configure":       {{args: "queue configure full --max-entries 1000"}},
	"spanway queue create":          {{args: "queue create made-MODE"}},
	"spanway queue delete":          {{args: "queue delete deleted-MODE"}},
	"spanway queue done":            {{args: "queue done --help"}, {args: "queue done full done-MODE --token TOKEN"}},
	"spanway queue enqueue":         {{args: "queue enqueue full FILE"}, {args: "queue enqueue full FILE --id whole-MODE"}},
	"spanway queue extend":          {{args: "queue extend full claimed --token TOKEN"}},
	"spanway queue list":            {{args: "queue list"}, {args: "queue list full"}, {args: "queue list full --payloads"}},
	"spanway queue release":         {{args: "queue release full released-MODE --token TOKEN"}},
	"spanway queue remove":          {{args: "queue remove full removed-MODE"}},
	"spanway queue show":            {{args: "queue show full"}, {args: "queue show full hostile"}},
	"spanway queue trim":            {{args: "queue trim sequence --through 3"}},
	"spanway queue watch":           {{args: "queue watch full", once: "queue enqueue full FILE"}},
	"spanway serve":                 {{args: "serve --help"}},
	"spanway serve allocator":       {{args: "serve allocator --help"}},  // Else it says nothing.
	"spanway serve engine":          {{args: "serve engine --help"}},     // As above.
	"spanway serve queues":          {{args: "serve queues --help"}},     // As above.
	"spanway serve manager":         {{args: "serve manager --help"}},    // As above.
	"spanway serve replicator":      {{args: "serve replicator --help"}}, // As above.
	"spanway serve scheduler":       {{args: "serve scheduler --help"}},  // As above.
	"spanway site":                  {{args: "site --help"}},
	"spanway site add":              {{args: "site add more-MODE"}},
	"spanway site list":             {{args: "site list"}},
	"spanway site resync":           {{args: "site resync ams"}},
	"spanway site retire":           {{args: "site retire gone-MODE"}},
	"spanway site show":             {{args: "site show ams"}},
	"spanway task":                  {{args: "task --help"}},
	"spanway task cancel":           {{args: "task cancel waits-MODE"}, {args: "task cancel --all --dry-run"}, {args: "task cancel --kind none"}},
	"spanway task list":             {{args: "task list --state all"}},
	"spanway task retry":            {{args: "task retry dead"}, {args: "task retry dead --wait"}},
	"spanway task show":             {{args: "task show done"}, {args: "task show hostile"}, {args: "task show dropped"}},
	"spanway task submit": {
		{args: "task submit -k noop"},
		{args: "task submit --wait -- cat /etc/hostname"},
		{args: "task submit --wait --follow -- cat /etc/hostname"},
		{args: "task submit -k noop --dry-run"},
		{args: "task submit -k noop --every 1ms"},
		{args: "task submit --every 1ms --wait -- cat /etc/hostname"},
		{args: "task submit --file FILE"},
		{args: "task submit --file FILE --wait"},
	},
	"spanway task watch":   {{args: "task watch done"}, {args: "task watch done --raw"}, {args: "task watch hostile"}, {args: "task watch", once: "task submit -k noop"}},
	"spanway task what-if": {{args: "task what-if"}, {args: "task what-if --where false"}},
	"spanway task why":     {{args: "task why stuck"}, {args: "task why held"}},
	"spanway trace":        {{args: "trace done"}},
	"spanway verify":       {{args: "verify"}},
	"spanway version":      {{args: "version"}},
}

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
