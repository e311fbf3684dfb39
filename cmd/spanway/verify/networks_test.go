package verify

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/events"
)

const shop = `path: /networks/shop
span: {sites: [ams, fra]}
network: {description: The shop}
---
path: /networks/shop/segments/web
segment: {cidr: 10.1.0.0/24}
`

// What every site should have had is compared with what it had, at all sites that are told.
func TestVerifyJudgesNetworks(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute)
	defer stop()
	g := clitest.StartGovern(t, "ams", "fra")
	call := func(want int, stdin string, args ...string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, code := program.Call(ctx, stdin, append(args, "--config", g.Config)...)
		if code != want {
			t.Fatalf("%q ends with %d, want %d:\n%s%s", args, code, want, stdout, stderr)
		}
		return stdout, stderr
	}
	for _, site := range []string{"ams", "fra", "sin"} { // Nothing says where sin is.
		call(cli.ExitDone, "", "site", "add", site)
	}
	call(cli.ExitDone, shop, "network", "apply", "-f", "-", "--wait")
	call(cli.ExitDone, strings.Replace(shop, "10.1", "10.2", 1), "network", "apply", "-f", "-", "--wait")
	var v verification
	out, _ := call(cli.ExitDone, "", "verify", "-o", "json")
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatal(err)
	}
	compared := map[string]int64{}
	for _, l := range v.Logs {
		if l.Networks != nil && (l.Networks.Changes != 2 || l.Networks.Sites != 3 || l.Networks.Entries != 4) {
			t.Errorf("of the changes it says %+v", l.Networks)
		}
		if l.Site != nil && l.Site.Compared {
			compared[l.Site.Site] = l.Site.Entries
		}
	}
	if len(compared) != 2 || len(v.Unjudged) != 1 || v.Unjudged[0].Site != "sin" {
		t.Errorf("it compared %v, and says of others %+v", compared, v.Unjudged)
	}
	out, _ = call(cli.ExitDone, "", "verify")
	for _, want := range []string{"2 changes, 0 refused; 3 sites, 2 objects, 4 entries", "spanway.network.status at fra\n", "G5 G6 G11 hold", "site sin was not judged: nothing says where it is"} {
		if !strings.Contains(out, want) {
			t.Errorf("verify says\n%s\nand not %q", out, want)
		}
	}
	// A manager that ignores the sequence.
	appendTo(t, []string{g.Sites()[1].Kafka}, events.Topics{Prefix: events.DefaultPrefix}.NetworkStatus(), 0, &events.NetworkEntryApplied{
		Entry: &events.NetworkEntry{Site: "fra", Term: 1, Sequence: 2, Previous: 1, Removes: []string{"/networks/shop/segments/web"}},
	})
	out, stderr := call(cli.ExitRefused, "", "verify")
	if !strings.Contains(out, "the site applied entry 2 of term 1") || !strings.Contains(stderr, "GUARANTEE_BROKEN") {
		t.Errorf("verify says\n%s%s", out, stderr)
	}
}

// A site that cannot be read is told, and is no success.
func TestVerifyTellsOfSitesThatAreAway(t *testing.T) {
	g := clitest.StartGovern(t, "ams")
	away := filepath.Join(t.TempDir(), "config.yaml")
	if err := cli.WriteSites(away, []cli.Place{{Site: "ams", Kafka: g.Sites()[0].Kafka}, {Site: "fra", Kafka: "127.0.0.1:1"}}); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := program.Call(t.Context(), "", "site", "add", "fra", "--config", away); code != cli.ExitDone {
		t.Fatal(stderr)
	}
	out, stderr, code := program.Call(t.Context(), "", "verify", "--dial-timeout", "1s", "--config", away)
	if code == cli.ExitDone || !strings.Contains(out, "site fra was not judged") || !strings.Contains(stderr, "verify site fra") {
		t.Errorf("verify ends with %d and says\n%s%s", code, out, stderr)
	}
}
