package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// TestSessionAtTwoSites plays a session with the configuration that spanway dev
// writes, so that --site says where each command goes.
func TestSessionAtTwoSites(t *testing.T) {
	s := clitest.StartSites(t, 1, "ams", "fra")
	var places []cli.Place
	for _, x := range s.Sites() {
		places = append(places, cli.Place{Site: x.Site, Kafka: x.Kafka})
	}
	file, err := filepath.Abs("testdata/sites/site.txt")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // So that errors name the file in the same way each time.
	if err := cli.WriteSites("config.yaml", places); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SPANWAY_CONFIG", "config.yaml")
	t.Setenv("SPANWAY_DIAL_TIMEOUT", "1m")
	program.Session(t, file)
}

// Without a configuration nothing says where a site is, and a command must not go to
// the default address instead.
func TestASiteOfWhichNothingSaysWhereItIs(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	_, stderr, code := program.Call(t.Context(), "", "task", "list", "--site", "fra")
	if code != cli.ExitUsage || !strings.Contains(stderr, "SPANWAY_CONFIG") || !strings.Contains(stderr, `"fra"`) {
		t.Errorf("it ends with %d: %s", code, stderr)
	}
}
