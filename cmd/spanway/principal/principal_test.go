package principal

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

var program = clitest.Program{Command}

func TestMain(m *testing.M) { clitest.Main(m) }

const secret = "hunter2-do-not-show"

// guarded is a broker that demands passwords and knows root alone, a directory, and the
// flags with which root connects.
func guarded(t *testing.T) (b *embedded.Broker, dir string, asRoot []string) {
	t.Helper()
	b, err := embedded.Start(embedded.Config{Users: []embedded.User{{Mechanism: cluster.ScramSHA512, Name: "root", Password: secret, Super: true}}})
	if err != nil {
		t.Fatal(err)
	}
	clitest.Answers(t, b.Addrs()...)
	t.Cleanup(b.Close)
	dir = t.TempDir()
	write(t, dir, "root", secret)
	return b, dir, []string{"--brokers", b.Addr(), "--user", "root", "--password-file", filepath.Join(dir, "root")}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// as connects a user.
func as(t *testing.T, b *embedded.Broker, dir, user, password string) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Open(cluster.Config{
		Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler),
		SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: user, PasswordFile: filepath.Join(dir, password)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// A user that is made connects with its password, may do what its role needs, and nothing
// else. Made again it has another password, and what it had stays.
func TestPrincipalsAreMade(t *testing.T) {
	b, dir, asRoot := guarded(t)
	write(t, dir, "shop.password", "first\n")
	file := write(t, dir, "principals.yaml", "principals:\n- {user: shop, password-file: shop.password, roles: [client]}\n")
	root := as(t, b, dir, "root", "root")
	if _, err := root.Ensure(t.Context(), events.Specs(events.Topics{Prefix: events.DefaultPrefix}.Catalogue())); err != nil {
		t.Fatal(err)
	}
	apply := func(args ...string) string {
		t.Helper()
		stdout, stderr, code := program.Call(t.Context(), "", slices.Concat([]string{"principal", "apply", "-f", file}, asRoot, args)...)
		if code != cli.ExitDone {
			t.Fatalf("it ends with %d and prints\n%s%s", code, stdout, stderr)
		}
		if strings.Contains(stdout, "first") || strings.Contains(stdout, "second") {
			t.Errorf("it prints a password: %s", stdout)
		}
		return stdout
	}
	works := func() {
		t.Helper()
		shop := as(t, b, dir, "shop", "shop.password")
		if _, err := shop.Partition("spanway.tasks.requests", 0).Append(t.Context(), []events.Record{{Value: []byte("x")}}); err != nil {
			t.Error(err)
		}
		if _, _, err := shop.Offsets(t.Context(), "spanway.tasks.events", 0); err != nil {
			t.Error(err)
		}
		if _, err := shop.Partition("spanway.tasks.events", 0).Append(t.Context(), []events.Record{{Value: []byte("x")}}); !cluster.IsDenied(err) {
			t.Errorf("it writes to the log of tasks: %v", err)
		}
	}
	if err := as(t, b, dir, "shop", "shop.password").Check(t.Context()); !cluster.IsDenied(err) {
		t.Errorf("before it is made: %v", err)
	}
	if got := apply("--dry-run"); got != "shop\tWrite\ttopic spanway.tasks.requests\nshop\tRead\ttopic spanway.tasks.events\n" {
		t.Errorf("--dry-run prints\n%s", got)
	}
	if err := as(t, b, dir, "shop", "shop.password").Check(t.Context()); !cluster.IsDenied(err) {
		t.Errorf("--dry-run made it: %v", err)
	}
	if got := apply(); got != "shop has 2 rights\n" {
		t.Errorf("it prints %q", got)
	}
	works()
	write(t, dir, "shop.password", "second\n")
	if got := apply("-o", "json"); !strings.Contains(got, `"password_set":true`) || !strings.Contains(got, `{"operation":"Write","resource":"topic","name":"spanway.tasks.requests"}`) {
		t.Errorf("it prints %q", got)
	}
	works()
	write(t, dir, "old", "first\n")
	if err := as(t, b, dir, "shop", "old").Check(t.Context()); !cluster.IsDenied(err) {
		t.Errorf("with the password that it had: %v", err)
	}
}

// Who is no administrator is told which right that takes, and a cluster without an
// authorizer that it has none.
func TestWhoMayNotMakePrincipals(t *testing.T) {
	b, dir, asRoot := guarded(t)
	write(t, dir, "shop", "first")
	file := write(t, dir, "principals.yaml", "principals:\n- {user: shop, password-file: shop, roles: [client]}\n")
	if stdout, stderr, code := program.Call(t.Context(), "", append([]string{"principal", "apply", "-f", file}, asRoot...)...); code != cli.ExitDone {
		t.Fatal(stdout, stderr)
	}
	_, stderr, code := program.Call(t.Context(), "", "principal", "apply", "-f", file, "--brokers", b.Addr(), "--user", "shop", "--password-file", filepath.Join(dir, "shop"))
	if code == cli.ExitDone || !strings.Contains(stderr, "User:shop lacks the right Alter on the cluster") {
		t.Errorf("it ends with %d and says\n%s", code, stderr)
	}
}

// The rights are those that deploy/acls/acls.sh gives, for every role.
func TestRightsAreThoseOfTheScript(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Fatal(err)
	}
	for _, role := range events.Roles() {
		d := declaration{User: "shop", Roles: []events.Role{role}, Queues: []string{"orders", "more*", "*"}, Copies: []string{"one", "some.*", "*"}}
		out, err := exec.Command("sh", "../../../deploy/acls/acls.sh", "--print", "--bootstrap-server", "none:1", "--prefix", "x.", "--queue", "orders", "--queue", "more*", "--queue", "*",
			"--copy", "one", "--copy", "some.*", "--copy", "*", fmt.Sprintf("%s=shop", role)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		want := scripted(string(out))
		var got []string
		for _, r := range d.rights("x.") {
			name, pattern := r.Name, "literal"
			if r.Prefixed {
				pattern = "prefixed"
			}
			got = append(got, strings.Join([]string{r.Operation, string(r.Resource), name, pattern}, " "))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has\n%s\nby the script it has\n%s", role, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// scripted are the rights of commands of kafka-acls.
func scripted(commands string) (rights []string) {
	for line := range strings.Lines(strings.ReplaceAll(commands, "'", "")) {
		var operations, on []string
		words, pattern := strings.Fields(line), ""
		for i, word := range words {
			value := words[min(i+1, len(words)-1)]
			switch word {
			case "--operation":
				operations = append(operations, value)
			case "--topic", "--group", "--transactional-id":
				on = append(on, word[2:]+" "+value)
			case "--cluster":
				on = append(on, "cluster ")
			case "--resource-pattern-type":
				pattern = value
			}
		}
		for _, operation := range operations {
			for _, resource := range on {
				rights = append(rights, operation+" "+resource+" "+pattern)
			}
		}
	}
	slices.Sort(rights)
	return slices.Compact(rights)
}

// What is wrong with a file is told before anything is sent.
func TestBadFiles(t *testing.T) {
	for text, want := range map[string]string{
		"principals: []": "has no principals",
		"principals: [{user: a, roles: [client]}, {user: a, roles: [reader]}]": `principal "a" twice`,
		"principals: [{user: a, roles: [king]}]":                               `there is no role "king"`,
		"principals: [{user: a}]":                                              "neither roles nor a password-file",
		"principals: [{roles: [client]}]":                                      "has no user",
		"principals: [{user: a, roles: [queue-host]}]":                         "needs queues",
		"principals: [{user: a, roles: [replicator]}]":                         "needs copies",
		`principals: [{user: a, roles: [replicator], copies: [""]}]`:           "an empty name",
		"principals: [{user: a, password: b}]":                                 "password",
		"principals: [{user: a, password-file: /none/such}]":                   "/none/such",
	} {
		stdout, stderr, code := program.Call(t.Context(), text, "principal", "apply", "-f", "-", "--brokers", "127.0.0.1:1")
		if code == cli.ExitDone || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: it ends with %d and says %q; want %q", text, code, stderr, want)
		}
	}
}
