package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/porttest"
)

// asked are the arguments with which each command asks a broker. FILE and OBJECTS are files that
// commands take.
var asked = map[string]string{
	"bench ids": "", "bench network": "", "bench pools": "", "bench queue": "", "bench tasks": "", "doctor": "", "verify": "", "trace": "x",
	"engine drain": "e", "engine list": "", "engine resume": "e", "engine show": "e", "engine watch": "",
	"id create": "s --from 1 --to 9", "id delete": "s", "id grant": "s", "id grow": "s --to 9", "id list": "", "id release": "s --request-id r",
	"id renew": "s --request-id r --lease 1m", "id reserve": "s --from 3", "id show": "s", "id watch": "s",
	"link announce": "app --topic t", "link applications": "", "link apply": "n --source x --include t", "link audit": "n", "link delete": "n", "link failover": "n",
	"link group apply": "g --topic t", "link group delete": "g", "link group list": "", "link groups": "n", "link list": "", "link pause": "n",
	"link resume": "n", "link show": "n", "link translate": "n t/0@3", "link watch": "", "link withdraw": "app",
	"log dead": "", "log list": "", "log replay": "", "log reset": "tasks.events/0 --accept-loss", "log show": "tasks.events/0@3", "log tail": "tasks.events",
	"network apply": "-f OBJECTS", "network delete": "/networks/shop", "network diff": "-f OBJECTS", "network get": "", "network history": "",
	"network list": "", "network promote": "--from ams.spanway.", "network revert": "1", "network show": "/networks/shop", "network why": "/networks/shop --site s", "network withdraw": "1",
	"pool list": "", "pool promote": "--from ams.spanway.", "pool replace": "p", "pool set": "p --weight a=1", "pool show": "p", "pool watch": "", "principal apply": "-f FILE", "principal list": "", "principal show": "p",
	"queue claim": "q", "queue configure": "q --max-entries 9", "queue create": "q", "queue delete": "q", "queue done": "q i --token 7",
	"queue enqueue": "q --id a", "queue extend": "q i --token 7", "queue list": "q", "queue release": "q i --token 7", "queue remove": "q i",
	"queue show": "q", "queue trim": "q --through 3", "queue watch": "q",
	"site add": "s", "site list": "", "site resync": "s", "site retire": "s", "site show": "s",
	"task cancel": "x", "task list": "", "task retry": "x", "task show": "x", "task submit": "-k noop", "task watch": "", "task what-if": "-k noop",
	"task why": "x",
}

// askedFiles writes the files that the arguments of asked name.
func askedFiles(t *testing.T) *strings.Replacer {
	t.Helper()
	var names []string
	for name, text := range map[string]string{"FILE": "principals: [{user: shop, roles: [client]}]", "OBJECTS": "{path: /networks/shop, network: {}}"} {
		file := filepath.Join(t.TempDir(), name+".yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name, file)
	}
	return strings.NewReplacer(names...)
}

// asksNobody are the commands that ask no broker, or have one of their own; services wait.
var asksNobody = []string{"bench mirror", "completion", "dev", "healthcheck", "help", "link import", "serve", "version"}

// mute is the address of a server that takes connections and never answers.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var taking sync.WaitGroup
	var taken []net.Conn
	taking.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			taken = append(taken, c)
		}
	})
	t.Cleanup(func() {
		l.Close()
		taking.Wait()
		for _, c := range taken {
			c.Close()
		}
	})
	return l.Addr().String()
}

// Every command that asks a broker ends soon where none answers, with exit code 3, nothing on
// stdout and a text that has the address and what was tried.
func TestNoCommandWaitsForEverForABroker(t *testing.T) {
	fill := askedFiles(t)
	var lines [][]string
	eachCommand(t, func(words []string, c *cobra.Command) {
		name := strings.Join(words, " ")
		args, known := asked[name]
		switch {
		case known:
			lines = append(lines, append(words, strings.Fields(fill.Replace(args))...))
		case c.HasSubCommands() || name == "":
		case !slices.ContainsFunc(asksNobody, func(s string) bool { return strings.HasPrefix(name, s) }):
			t.Errorf("say with which arguments %q asks a broker", name)
		}
	})
	var calls sync.WaitGroup // All at once, however few tests run beside each other.
	for _, addr := range []string{porttest.Addr(t), mute(t)} {
		for _, args := range lines {
			calls.Go(func() { unavailable(t, addr, args) })
		}
	}
	calls.Wait()
}

// unavailable expects that a command finds no broker.
func unavailable(t *testing.T, addr string, args []string) {
	t.Helper()
	const soon = 25 * time.Second // on a slow machine; what is tried again is given up after 30 s
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	stdout, stderr, code := program.Call(ctx, "", append(args[:len(args):len(args)], "--brokers", addr, "--dial-timeout", "500ms")...)
	if ctx.Err() != nil {
		t.Errorf("%q has not ended after %v: %s", args, soon, stderr)
		return
	}
	if args[0] == "doctor" { // Its findings are what it prints.
		stdout = ""
	}
	tried := slices.ContainsFunc([]string{"list the topics", "dial tcp", "ask a broker for an answer"}, func(what string) bool { return strings.Contains(stderr, what) })
	if code != cli.ExitUnavailable || stdout != "" || !strings.Contains(stderr, addr) || !tried {
		t.Errorf("%q: exit code %d, stdout %q, stderr %q; want 3, nothing, and the address %s and what was tried", args, code, stdout, stderr, addr)
	}
}

// While a command tries it says so, long before it gives up.
func TestACommandSaysThatItTries(t *testing.T) {
	for _, addr := range []string{porttest.Addr(t), mute(t)} {
		for _, command := range []string{"link list", "doctor"} {
			_, stderr, code := program.Call(t.Context(), "", append(strings.Fields(command), "--brokers", addr, "--dial-timeout", "5s")...)
			if first, _, _ := strings.Cut(stderr, "\n"); code != cli.ExitUnavailable || !strings.HasPrefix(first, "spanway: trying again: list the topics: ") {
				t.Errorf("%s: exit code %d, %s", command, code, stderr)
			}
		}
	}
}
