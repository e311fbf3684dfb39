package principal

import (
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// What was made is listed with the roles for which it suffices, and shown beside what a role
// needs: what is missing, and what is extra.
func TestPrincipalsAreListedAndShown(t *testing.T) {
	_, dir, asRoot := guarded(t)
	for _, name := range []string{"shop", "keeper"} {
		write(t, dir, name, "secret of "+name)
	}
	file := write(t, dir, "principals.yaml", `principals:
- {user: shop, password-file: shop, roles: [client]}
- {user: keeper, password-file: keeper, roles: [queue-host], queues: ["*"]}
- {user: "CN=mirror", roles: [replicator], copies: ["fra.*"]}
`)
	more := write(t, dir, "more.yaml", "principals:\n- {user: shop, roles: [client, requester]}\n")
	call := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, code := program.Call(t.Context(), "", slices.Concat([]string{"principal"}, args, asRoot)...)
		if code != want {
			t.Fatalf("%q ends with %d, want %d:\n%s%s", args, code, want, stdout, stderr)
		}
		return stdout, stderr
	}
	call(cli.ExitDone, "apply", "-f", file)
	out, _ := call(cli.ExitDone, "list", "-o", "json")
	for _, want := range []string{
		`{"principal":"User:CN=mirror","mechanisms":[],"rights":`, `"denied":0,"roles":["replicator"],"includes":[`,
		`{"principal":"User:keeper","mechanisms":["SCRAM-SHA-512"],"rights":6,"denied":0,"roles":["queue-host"],"includes":["queue-user"]}`,
		`{"principal":"User:shop","mechanisms":["SCRAM-SHA-512"],"rights":2,"denied":0,"roles":["client"],"includes":["producer"]}`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("list lacks %s:\n%s", want, out)
		}
	}
	if out, _ := call(cli.ExitDone, "list"); !strings.Contains(out, "User:shop") || !strings.Contains(out, "client") || strings.Contains(out, "secret of") {
		t.Errorf("list prints\n%s", out)
	}
	call(cli.ExitDone, "show", "keeper", "-f", file)
	call(cli.ExitDone, "show", "User:shop", "--role", "client")
	if out, _ := call(cli.ExitDone, "show", "shop"); strings.Contains(out, extra) || !strings.Contains(out, "spanway.tasks.requests") {
		t.Errorf("with nothing to compare with it shows\n%s", out)
	}
	out, stderr := call(cli.ExitRefused, "show", "shop", "--role", "producer,requester", "-o", "json")
	for _, want := range []string{
		`{"operation":"Read","resource":"topic","name":"spanway.tasks.events","host":"*","state":"extra"}`,
		`{"operation":"Write","resource":"topic","name":"spanway.tasks.requests","host":"*","state":"needed"}`,
		`{"operation":"Write","resource":"topic","name":"spanway.ids.requests","host":"*","state":"missing"}`,
		`"extra":1,"missing":2}`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("show lacks %s:\n%s", want, out)
		}
	}
	if !strings.Contains(stderr, "lacks 2 rights") {
		t.Errorf("it says %s", stderr)
	}
	call(cli.ExitRefused, "show", "shop", "-f", more)
	call(cli.ExitDone, "apply", "-f", more)
	call(cli.ExitDone, "show", "shop", "-f", more)
	if _, stderr := call(cli.ExitRefused, "show", "nobody"); !strings.Contains(stderr, "UNKNOWN_PRINCIPAL") {
		t.Errorf("of nobody it says %s", stderr)
	}
	for want, args := range map[string][]string{
		"give --role": {"show", "shop", "--queue", "x"}, `there is no role "king"`: {"show", "shop", "--role", "king"},
		"give -f, or": {"show", "shop", "-f", file, "--role", "client"}, `has no principal "x"`: {"show", "x", "-f", file},
	} {
		if _, stderr := call(cli.ExitUsage, args...); !strings.Contains(stderr, want) {
			t.Errorf("%q says %s, want %s", args, stderr, want)
		}
	}
}

// Who may not describe the cluster is told so.
func TestWhoMayNotListPrincipals(t *testing.T) {
	b, dir, asRoot := guarded(t)
	write(t, dir, "shop", "first")
	file := write(t, dir, "principals.yaml", "principals:\n- {user: shop, password-file: shop, roles: [client]}\n")
	if stdout, stderr, code := program.Call(t.Context(), "", append([]string{"principal", "apply", "-f", file}, asRoot...)...); code != cli.ExitDone {
		t.Fatal(stdout, stderr)
	}
	for _, args := range [][]string{{"list"}, {"show", "shop"}} {
		_, stderr, code := program.Call(t.Context(), "", slices.Concat([]string{"principal"}, args, []string{"--brokers", b.Addr(), "--user", "shop", "--password-file", dir + "/shop"})...)
		if code == cli.ExitDone || !strings.Contains(stderr, "User:shop lacks the right Describe on the cluster") {
			t.Errorf("%q ends with %d and says\n%s", args, code, stderr)
		}
	}
}

// A right may include another one, and only one that allows, from everywhere, does.
func TestWhichRightsSuffice(t *testing.T) {
	topic := func(operation, name string, prefixed bool) events.ACL {
		return events.ACL{Operation: operation, Resource: events.TopicResource, Name: name, Prefixed: prefixed}
	}
	held := func(acl events.ACL) kafka.Granted { return kafka.Granted{Right: kafka.Right{ACL: acl}, Host: "*"} }
	denied, elsewhere := held(topic("Read", "a.b", false)), held(topic("Read", "a.b", false))
	denied.Denies, elsewhere.Host = true, "10.0.0.1"
	for _, c := range []struct {
		held kafka.Granted
		need events.ACL
		want bool
	}{
		{held(topic("Read", "a.b", false)), topic("Read", "a.b", false), true},
		{held(topic("Read", "a.b", false)), topic("Write", "a.b", false), false},
		{held(topic("Read", "a.b", false)), topic("Describe", "a.b", false), true},
		{held(topic("AlterConfigs", "a.b", false)), topic("DescribeConfigs", "a.b", false), true},
		{held(topic("All", "*", false)), topic("Delete", "a.", true), true},
		{held(topic("Read", "a.", true)), topic("Read", "a.b", false), true},
		{held(topic("Read", "a.", true)), topic("Read", "a.b", true), true},
		{held(topic("Read", "a.b", true)), topic("Read", "a.", true), false},
		{held(topic("Read", "a.b", false)), topic("Read", "a.b", true), false},
		{held(events.ACL{Operation: "Read", Resource: events.GroupResource, Name: "a.b"}), topic("Read", "a.b", false), false},
		{denied, topic("Read", "a.b", false), false},
		{elsewhere, topic("Read", "a.b", false), false},
	} {
		if got := allows(c.held, c.need); got != c.want {
			t.Errorf("%+v is enough for %+v: %v", c.held, c.need, got)
		}
	}
	// Each role that apply gives is found again, unless another one includes it.
	for _, role := range events.Roles() {
		d := declaration{User: "x", Roles: []events.Role{role}, Queues: []string{"orders"}, Copies: []string{"fra.*"}}
		var all []kafka.Granted
		for _, r := range d.rights(events.DefaultPrefix) {
			all = append(all, kafka.Granted{Right: r, Host: "*"})
		}
		if got, _ := roles(all, events.DefaultPrefix); !slices.Equal(got, []events.Role{role}) {
			t.Errorf("with the rights of %s it has the roles %v", role, got)
		}
	}
}
