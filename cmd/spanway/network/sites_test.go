package network

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/cmd/spanway/queue"
	"github.com/spanway/spanway/pkg/events"
)

// user calls commands at sites with managers.
type user struct {
	*clitest.Govern
	t   *testing.T
	ctx context.Context // only ends what hangs
}

func newUser(t *testing.T, sites ...string) *user {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	u := &user{clitest.StartGovern(t, sites...), t, ctx}
	for _, site := range sites {
		u.does(cli.ExitDone, "", "site", "add", site, "--label", "region=eu")
	}
	return u
}

// does calls a command, which must end with an exit code, and returns what it says.
func (u *user) does(want int, stdin string, args ...string) string {
	u.t.Helper()
	stdout, stderr, code := program.Call(u.ctx, stdin, append(args, "--config", u.Config)...)
	u.t.Logf("spanway %s\n%s%s", strings.Join(args, " "), stdout, stderr)
	if code != want {
		u.t.Fatalf("%q ends with %d, want %d", args, code, want)
	}
	return stdout + stderr
}

// until calls show until an object is in a state at all sites.
func (u *user) until(path, state string) (v shown) {
	u.t.Helper()
	for {
		out, _, _ := program.Call(u.ctx, "", "network", "show", path, "-o", "json", "--config", u.Config)
		v = shown{}
		err := json.Unmarshal([]byte(out), &v)
		if err == nil && !slices.ContainsFunc(v.Sites, func(s standing) bool { return s.State != state }) {
			return v
		}
		if u.ctx.Err() != nil {
			u.t.Fatalf("%s is never %s: %s", path, state, out)
		}
	}
}

// untilSaid calls a command until it says all that is wanted.
func (u *user) untilSaid(wanted []string, args ...string) {
	u.t.Helper()
	for {
		out, _, _ := program.Call(u.ctx, "", append(args, "--config", u.Config)...)
		if !slices.ContainsFunc(wanted, func(want string) bool { return !strings.Contains(out, want) }) {
			return
		}
		if u.ctx.Err() != nil {
			u.t.Fatalf("%q never says %q: %s", args, wanted, out)
		}
	}
}

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("it says\n%s\nand not %q", text, want)
		}
	}
}

const shopFile = `path: /networks/shop
span: {selector: region=eu}
network: {description: The shop}
---
path: /networks/shop/segments/web
labels: {app: shop}
segment: {cidr: 10.1.0.0/24}
`

const web = "/networks/shop/segments/web"

// What is applied is realised at all sites, and shown; what fails at one is shown with its reason
// there and explained; it is withdrawn, and in the end deleted.
func TestHowFarSitesAre(t *testing.T) {
	u := newUser(t, "ams", "fra")
	contains(t, u.does(cli.ExitDone, shopFile, "network", "apply", "-f", "-", "--wait"), "change 1: 2 objects, at the sites: ams fra", "2 of 2 realised")
	contains(t, u.does(cli.ExitDone, "", "network", "show", web), "realised  revision 1", "ams ", "fra ")
	contains(t, u.does(cli.ExitDone, "", "network", "why", web, "--site", "fra"), "nothing: it is as it must be")

	u.Refuse(web, errors.New("no such table"))
	wider := strings.Replace(shopFile, "10.1.0.0/24", "10.1.0.0/16", 1)
	contains(t, u.does(cli.ExitDone, wider, "network", "diff", "-f", "-"), `~ segment.cidr: "10.1.0.0/24" -> "10.1.0.0/16"`, "1 difference as of")
	contains(t, u.does(cli.ExitDone, wider, "network", "apply", "-f", "-", "--reason", "more room"), "unchanged /networks/shop\n", "change 2: 1 object, at the sites: ams fra")
	if v := u.until(web, failed); len(v.Sites) != 2 || v.Sites[0].Revision != 2 || !strings.Contains(v.Sites[0].Reason, "no such table") {
		t.Errorf("it stands so: %+v", v)
	}
	u.untilSaid([]string{"FAILED: ", "no such table", "tried again by itself"}, "network", "why", web, "--site", "ams")
	contains(t, u.does(cli.ExitTaskFailed, strings.Replace(wider, "/16", "/17", 1), "network", "apply", "-f", "-", "--wait", "--timeout", "1s"), "change 3 counts, and was waited for 1s", "it goes on")

	contains(t, u.does(cli.ExitDone, "", "network", "show", web, "--at", "change/1"), web, "revision 1", "cidr=10.1.0.0/24", errPast.Error())
	contains(t, u.does(cli.ExitRefused, "", "network", "show", web, "--at", "1h"), "NO_HISTORY")
	contains(t, u.does(cli.ExitRefused, "", "network", "get", "--at", "tasks.events/0@1"), "is no place of spanway.network.changes")

	u.Refuse(web, nil)
	contains(t, u.does(cli.ExitRefused, "", "network", "withdraw", "2"), "CHANGED_SINCE")
	contains(t, u.does(cli.ExitDone, "", "network", "withdraw", "3", "--reason", "too narrow", "--wait"), "change 4 withdraws change 3: 1 object put back", "1 of 1 realised")
	contains(t, u.does(cli.ExitDone, "", "network", "history", web), "more room", "withdraws change 3")
	contains(t, u.does(cli.ExitDone, "", "network", "history"), "site ams is added", "full sync 1 of site fra is ordered", "NEW_SITE", "site fra has applied full sync 1")

	contains(t, u.does(cli.ExitRefused, "", "network", "delete", "/networks/shop"), "REFERRED_TO", "nothing was changed")
	contains(t, u.does(cli.ExitRefused, "", "network", "delete", "/networks/none", "/networks/shop"), "/networks/none: UNKNOWN_OBJECT")
	contains(t, u.does(cli.ExitDone, "", "network", "delete", "/networks/shop", "--recursive", "--wait"), "deleted "+web, "2 of 2 realised")
	contains(t, u.does(cli.ExitRefused, "", "network", "show", web), "UNKNOWN_OBJECT")
	queues := func() string {
		out, _, _ := clitest.Program{queue.Command}.Call(u.ctx, "", "queue", "list", "-o", "json", "--config", u.Config)
		return out
	}
	contains(t, queues(), events.SiteQueue("ams"), events.SiteQueue("fra"))
	u.does(cli.ExitDone, "", "site", "retire", "fra")
	for out := queues(); strings.Contains(out, events.SiteQueue("fra")); out = queues() {
		if u.ctx.Err() != nil {
			t.Fatalf("the queue of fra is never removed: %s", out)
		}
	}
	contains(t, queues(), events.SiteQueue("ams"))
	u.does(cli.ExitDone, "", "site", "add", "fra", "--label", "region=eu")
	contains(t, u.does(cli.ExitDone, shopFile, "network", "apply", "-f", "-", "--wait"), "fra          realised   2 of 2 realised")
}

// What is declared as it was is waited for, too: a site may not have realised it.
func TestWhatIsDeclaredAsItWasIsWaitedFor(t *testing.T) {
	u := newUser(t, "ams")
	u.Refuse(web, errors.New("no such table"))
	u.does(cli.ExitDone, shopFile, "network", "apply", "-f", "-")
	again := []string{"network", "apply", "-f", "-", "--wait"}
	contains(t, u.does(cli.ExitTaskFailed, shopFile, append(again, "--timeout", "1s")...), "nothing to change", "what was declared before counts, and was waited for 1s", "of 2 realised")
	more := shopFile + "---\npath: /networks/shop/segments/db\nsegment: {cidr: 10.2.0.0/24}\n"
	contains(t, u.does(cli.ExitTaskFailed, more, append(again, "--timeout", "2s")...), "change 2: 1 object", "(2 of 3 realised)")
	u.Refuse(web, nil)
	contains(t, u.does(cli.ExitDone, more, again...), "nothing to change", "ams          realised   3 of 3 realised")
}

// What the attempts at realising an object end with is told while its task is tried again, too.
func TestWhatIsTriedAgainIsExplained(t *testing.T) {
	u := newUser(t, "ams")
	u.Fail(web, errors.New("the disk is full"))
	u.does(cli.ExitDone, shopFile, "network", "apply", "-f", "-")
	failed := []string{"attempt 1 failed: ERROR: the disk is full"}
	u.untilSaid(failed, "network", "why", web, "--site", "ams")
	u.untilSaid(failed, "network", "show", web)
	u.untilSaid([]string{`"attempt":"attempt `, `failed: ERROR: the disk is full"`}, "network", "why", web, "--site", "ams", "-o", "json")
	contains(t, u.does(cli.ExitTaskFailed, shopFile, "network", "apply", "-f", "-", "--wait", "--timeout", "1s"), "failed: ERROR: the disk is full; it goes on")
	u.Fail(web, nil)
	u.until(web, realised)
}

// Of a site that a span has left it is told how far the removal is; a list has the worst state.
func TestASpanLeavesASite(t *testing.T) {
	u := newUser(t, "ams", "fra")
	u.does(cli.ExitDone, shopFile, "network", "apply", "-f", "-", "--wait")
	contains(t, u.does(cli.ExitDone, "", "network", "list"), "STATE", "realised")
	contains(t, u.does(cli.ExitDone, strings.Replace(shopFile, "selector: region=eu", "sites: [ams]", 1), "network", "apply", "-f", "-", "--wait"),
		"ams          realised   2 of 2 realised", "fra          realised   2 of 2 realised")
	u.Refuse(web, errors.New("no such table"))
	u.does(cli.ExitDone, strings.Replace(shopFile, "/24", "/25", 1), "network", "apply", "-f", "-")
	u.untilSaid([]string{`"state":"failed"`}, "network", "list", "-o", "json")
}

// What is declared as it is, is not changed behind the change that was planned on it.
func TestWhatIsDeclaredAsItIsIsExpected(t *testing.T) {
	u := newUser(t, "ams")
	u.does(cli.ExitDone, shopFile, "network", "apply", "-f", "-")
	contains(t, u.does(cli.ExitRefused, strings.Replace(shopFile, "The shop", "A shop", 1)+"revision: 7\n", "network", "apply", "-f", "-"), "STALE_REVISION", "standard input:8:")
}

// A site that nothing says the place of is shown as far as the global manager knows.
func TestASiteThatCannotBeAsked(t *testing.T) {
	u := newUser(t, "ams", "fra")
	u.does(cli.ExitDone, shopFile, "network", "apply", "-f", "-", "--wait")
	file := filepath.Join(t.TempDir(), "config.yaml")
	clitest.Answers(t, file)
	if err := cli.WriteSites(file, []cli.Place{{Site: "ams", Kafka: u.Brokers()[0]}}); err != nil {
		t.Fatal(err)
	}
	u.Config = file
	contains(t, u.does(cli.ExitDone, "", "network", "show", web), "applied", "nothing says where site fra is")
	contains(t, u.does(cli.ExitDone, strings.Replace(shopFile, "/24", "/25", 1), "network", "apply", "-f", "-", "--wait"), "nothing says where site fra is")
}

// What cannot be meant is refused as a whole, with a place and a code, and soon.
func TestBadFiles(t *testing.T) {
	u := newUser(t, "ams")
	var many, bomb strings.Builder
	for i := range 10_001 {
		many.WriteString("---\npath: /networks/n" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + "\n")
	}
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 12 {
		n := string(rune('a' + i))
		ref := "*" + string(rune('a'+i-1)) + "0"
		if i > 0 {
			bomb.WriteString(n + "0: &" + n + "0 [" + strings.Repeat(ref+", ", 9) + ref + "]\n")
		}
	}
	bomb.WriteString("path: /networks/shop\ngroup: {addresses: *l0}\n")
	for name, c := range map[string]struct {
		text string
		code int
		want []string
	}{
		"10 MB":     {"path: " + strings.Repeat("x", 10<<20), cli.ExitUsage, []string{"has more than 4194304 bytes"}},
		"anchors":   {bomb.String(), cli.ExitRefused, []string{"for 22 mistakes", "group.addresses[9]: BAD_DATA"}},
		"too many":  {many.String(), cli.ExitRefused, []string{"TWICE"}},
		"odd names": {"path: \"/networks/a\\u202eb\"\nspan: {sites: [ams]}\nnetwork: {}", cli.ExitRefused, []string{"standard input:1:7:", "BAD_PATH", `\u202e`}},
		"no yaml":   {"path: [", cli.ExitRefused, []string{"standard input: BAD_DATA", "line 1"}},
		"no path":   {"network: {}", cli.ExitRefused, []string{"standard input:1:1: BAD_PATH"}},
		"two specs": {"{path: /networks/a, network: {}, segment: {}}", cli.ExitRefused, []string{"one of network, segment"}},
		"no site":   {"{path: /networks/a, network: {}, span: {sites: [sin]}}", cli.ExitRefused, []string{"standard input:1:", "UNKNOWN_SITE", "span.sites.0"}},
		"mistakes of all kinds": {"path: /networks/a\nspan: {sites: [ams]}\nnetwrk: {}\n---\npath: /networks/a/segments/s\nsegment: {cidr: x, router: /networks/a/routers/r}\n---\npath: /networks/b\nspan: {sites: [sin]}\nnetwork: {}\n",
			cli.ExitRefused, []string{"for 4 mistakes", "input:3:1: /networks/a: netwrk: BAD_DATA", "input:6:17: /networks/a/segments/s: segment.cidr: BAD_DATA", "input:6:28: /networks/a/segments/s: segment.router: UNKNOWN_OBJECT", "UNKNOWN_SITE"}},
		"unknown field": {"path: /networks/a\nnetwrk: {}\nspann: {}", cli.ExitRefused, []string{"for 2 mistakes", "standard input:2:1: ", "standard input:3:1: "}},
		"twice":         {"{path: /networks/a, network: {}}\n---\n{path: /networks/a, network: {}}", cli.ExitRefused, []string{"standard input:3:", "TWICE", "line 1"}},
		"a cycle": {"{path: /networks/a, network: {}, span: {sites: [ams]}}\n---\n{path: /networks/a/groups/x, group: {groups: [/networks/a/groups/y]}}\n---\n{path: /networks/a/groups/y, group: {groups: [/networks/a/groups/x]}}",
			cli.ExitRefused, []string{"REFERENCE_CYCLE"}},
		"stale": {"{path: /networks/a, network: {}, span: {sites: [ams]}, revision: 7}", cli.ExitRefused, []string{"STALE_REVISION", "standard input:1:"}},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := program.Call(u.ctx, c.text, "network", "apply", "-f", "-", "--config", u.Config)
			if code != c.code || stdout != "" {
				t.Errorf("it ends with %d, and prints %q", code, stdout)
			}
			contains(t, stderr, c.want...)
		})
	}
	dir := t.TempDir()
	for file, text := range map[string]string{"b.yaml": "{path: /networks/a/segments/s, segment: {cidr: x}}", "a.yml": "{path: /networks/a, network: {}, span: {sites: [ams]}}", "notes.txt": "no"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	contains(t, u.does(cli.ExitRefused, "", "network", "apply", "-f", dir), filepath.Join(dir, "b.yaml")+":1:", "for 1 mistake")
	if out := u.does(cli.ExitRefused, "", "network", "apply", "-f", dir, "-o", "json"); strings.Count(out, `"code":"BAD_DATA"`) != 1 {
		t.Errorf("the mistake is not printed once: %s", out)
	}
}
