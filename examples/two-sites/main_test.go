package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/cmd/spanway/link"
)

var program = clitest.Program{link.Command}

func TestMain(m *testing.M) { clitest.Main(m) }

// The shop moves to the other site and back, as README.md says.
func TestTheShopMoves(t *testing.T) {
	s := clitest.StartSites(t, 1, "ams", "fra")
	var places []cli.Place
	at := map[string]string{}
	for _, x := range s.Sites() {
		places = append(places, cli.Place{Site: x.Site, Kafka: x.Kafka})
		at[x.Site] = x.Kafka
	}
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := cli.WriteSites(config, places); err != nil {
		t.Fatal(err)
	}
	shop := func(line string) {
		t.Helper()
		args := strings.Fields(line)
		args[1] = at[args[1]]
		out := &bytes.Buffer{}
		if err := run(t.Context(), args, out); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	// A replicator reports once a second what it has come to copy.
	spanway := func(line string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; {
			stdout, stderr, code := program.Call(t.Context(), "", append(strings.Fields(line), "--config", config)...)
			if code == cli.ExitDone {
				return
			}
			if !strings.Contains(stderr, "no replicator") || time.Now().After(deadline) {
				t.Fatalf("%s ends with %d: %s%s", line, code, stdout, stderr)
			}
		}
	}
	spanway("--site fra link apply shop --source ams --application shop")
	shop("take ams 100")
	shop("count fra 100")
	spanway("--site fra link failover shop --quiet 100ms")
	shop("take fra 50")
	shop("count ams 150")
	spanway("--site ams link audit shop --whole")
	spanway("--site ams link failover shop --quiet 100ms")
	shop("take ams 10")
	shop("count fra 160")
	spanway("--site fra link audit shop --whole")
}

func TestUsage(t *testing.T) {
	for _, line := range []string{"", "take x", "take x 0", "count x many"} {
		if err := run(t.Context(), strings.Fields(line), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "usage") {
			t.Errorf("%q: %v", line, err)
		}
	}
}
