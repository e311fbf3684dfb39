package network

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/cmd/spanway/link"
	"github.com/spanway/spanway/cmd/spanway/serve"
	"github.com/spanway/spanway/cmd/spanway/site"
)

// governs runs a global manager at a site until the test ends.
func (u *user) governs(at string) {
	u.t.Helper()
	ctx, stop := context.WithCancel(u.ctx)
	ended := make(chan string, 1)
	go func() {
		_, stderr, _ := clitest.Program{serve.Command}.Call(ctx, "", "serve", "manager", "--role", "global", "--context", at, "--config", u.Config, "--log-level", "error")
		ended <- stderr
	}()
	u.t.Cleanup(func() {
		stop()
		u.t.Logf("the global manager of %s says: %s", at, <-ended)
	})
}

// The global manager of another site takes over with the copy of the log, which lacks the last
// change: the sites get back what the copy has, and follow the new one. The one before hears of
// it, and decides nothing more; it takes over again with the copy of the log of that one.
func TestPromotion(t *testing.T) {
	program := clitest.Program{Command, site.Command, link.Command}
	u := newUser(t, "ams", "fra")
	at := func(place string, want int, stdin string, args ...string) string {
		t.Helper()
		stdout, stderr, code := program.Call(u.ctx, stdin, append(args, "--config", u.Config, "--context", place)...)
		t.Logf("at %s: spanway %s\n%s%s", place, strings.Join(args, " "), stdout, stderr)
		if code != want {
			t.Fatalf("%q ends with %d, want %d", args, code, want)
		}
		return stdout + stderr
	}
	mirror := func(place, from string) {
		t.Helper()
		at(place, cli.ExitDone, "", "link", "apply", "networks", "--source", from, "--include", `spanway\.network\.changes.*`, "--topic-prefix", from+".")
	}
	// copied waits until the copy at a place says something of an object.
	copied := func(place, prefix, path, want string) {
		t.Helper()
		for {
			out, _, _ := program.Call(u.ctx, "", "network", "get", path, "-o", "json", "--prefix", prefix, "--config", u.Config, "--context", place)
			if strings.Contains(out, want) {
				return
			}
			if u.ctx.Err() != nil {
				t.Fatalf("the copy at %s never says %s: %s", place, want, out)
			}
		}
	}
	wait := func(place, want string, args ...string) {
		t.Helper()
		for {
			out, _, _ := program.Call(u.ctx, "", append(args, "--config", u.Config, "--context", place)...)
			if strings.Contains(out, want) {
				return
			}
			if u.ctx.Err() != nil {
				t.Fatalf("at %s %q never says %s: %s", place, args, want, out)
			}
		}
	}
	mirror("fra", "ams")
	u.does(cli.ExitDone, shopFile, "network", "apply", "-f", "-", "--wait")
	copied("fra", "ams.spanway.", web, "10.1.0.0/24")
	at("fra", cli.ExitDone, "", "link", "pause", "networks")
	wait("fra", `"state":"paused"`, "link", "show", "networks", "-o", "json")
	u.does(cli.ExitDone, strings.Replace(shopFile, "/24", "/25", 1), "network", "apply", "-f", "-", "--wait")

	contains(t, at("fra", cli.ExitUsage, "", "network", "promote", "--from", "spanway."), "--from")
	contains(t, at("fra", cli.ExitUnavailable, "", "network", "promote", "--from", "ams.spanway."), "serve manager --role global")
	u.governs("fra")
	wait("fra", "NETWORK", "network", "list")
	contains(t, at("fra", cli.ExitRefused, "", "network", "promote", "--from", "sin.spanway."), "NO_COPY")
	contains(t, at("fra", cli.ExitDone, "", "network", "promote", "--from", "ams.spanway.", "--dry-run"), "a term would begin: change ")
	var done promotion
	out := at("fra", cli.ExitDone, "", "network", "promote", "--from", "ams.spanway.", "--reason", "ams is lost", "-o", "json")
	if err := json.Unmarshal([]byte(out), &done); err != nil || done.Term != 1_000_000 || len(done.Sites) != 2 || done.Sites[0].Ahead != 2-done.Change || done.Sites[1].Ahead != 2-done.Change {
		t.Fatalf("the promotion is %+v (%v)", done, err)
	}
	t.Logf("the copy had change %d of 2", done.Change) // It may be that the pause came too late.
	contains(t, at("fra", cli.ExitDone, "", "network", "promote", "--from", "ams.spanway."), "it was promoted before, in term 1000000")
	wait("fra", fmt.Sprintf("%s  realised  revision %d", web, done.Change), "network", "show", web)
	contains(t, at("fra", cli.ExitDone, strings.Replace(shopFile, "/24", "/26", 1), "network", "apply", "-f", "-", "--wait"), fmt.Sprintf("change %d: 1 object", done.Change+1), "2 of 2 realised")

	// The one before has heard of it.
	wait("ams", "REPLACED", "network", "delete", web, "-o", "json") // Until it has, it may do so.
	contains(t, at("ams", cli.ExitRefused, shopFile, "network", "apply", "-f", "-", "--dry-run"), "REPLACED")
	contains(t, at("fra", cli.ExitDone, "", "network", "get", web), "10.1.0.0/26")
	for _, args := range [][]string{{"site", "list"}, {"site", "show", "fra"}, {"network", "list"}, {"network", "show", web}, {"network", "why", web, "--site", "fra"}} {
		contains(t, at("ams", cli.ExitDone, "", args...), "REPLACED: what is shown is as of when")
	}
	contains(t, at("ams", cli.ExitDone, "", "network", "history"), "follows a global manager that was promoted elsewhere, in term 1000000")
	mirror("ams", "fra")
	copied("ams", "fra.spanway.", web, "10.1.0.0/26")
	contains(t, at("ams", cli.ExitDone, "", "network", "promote", "--from", "fra.spanway."), "link networks is paused", fmt.Sprintf("term 2000000 has begun: change %d, 2 objects", done.Change+1))
	wait("ams", fmt.Sprintf("%s  realised  revision %d", web, done.Change+1), "network", "show", web)
	wait("fra", "REPLACED", "network", "delete", web, "-o", "json")
	contains(t, at("ams", cli.ExitDone, "", "network", "delete", "/networks/shop", "--recursive", "--wait"), "2 of 2 realised")
}
