package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// of is where a call with these arguments goes.
func of(t *testing.T, args ...string) (Target, error) {
	t.Helper()
	var c Connection
	flags := pflag.NewFlagSet("spanway", pflag.ContinueOnError)
	c.Flags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c.Target(t.Context())
}

func TestSiteChoosesWhereACommandGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	for _, port := range []string{"1", "2"} { // The second file replaces the first.
		if err := WriteSites(path, []Place{{Site: "ams", Kafka: "127.0.0.1:1000" + port}, {Site: "fra", Kafka: "127.0.0.1:2000" + port}}); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("the directory holds %q, %v", left, err)
	}
	t.Setenv("SPANWAY_CONFIG", path)
	for _, c := range []struct {
		args          string
		site, brokers string
		refused       string
	}{
		{"", "ams", "127.0.0.1:10002", ""},
		{"--site fra", "fra", "127.0.0.1:20002", ""},
		{"--site ams", "ams", "127.0.0.1:10002", ""},
		{"--context fra", "fra", "127.0.0.1:20002", ""},
		{"--context fra --site paris", "paris", "127.0.0.1:20002", ""}, // The context chooses, the site names.
		{"--brokers 127.0.0.1:3 --site paris", "paris", "127.0.0.1:3", ""},
		{"--site paris", "", "", `site "paris" is not in the configuration file ` + path + `, which has: ams, fra`},
	} {
		target, err := of(t, strings.Fields(c.args)...)
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%q: %v, want %s", c.args, err, c.refused)
			}
			continue
		}
		if err != nil || target.Site != c.site || strings.Join(target.Cluster.Brokers, ",") != c.brokers {
			t.Errorf("%q: %+v, %v", c.args, target, err)
		}
	}
	t.Setenv("SPANWAY_SITE", "fra")
	if target, err := of(t); err != nil || target.Site != "fra" || target.Cluster.Brokers[0] != "127.0.0.1:20002" {
		t.Errorf("SPANWAY_SITE: %+v, %v", target, err)
	}
	if target, err := of(t, "--site", "ams"); err != nil || target.Site != "ams" || target.Cluster.Brokers[0] != "127.0.0.1:10002" {
		t.Errorf("--site over SPANWAY_SITE: %+v, %v", target, err)
	}
	t.Setenv("SPANWAY_BROKERS", "127.0.0.1:4")
	if target, err := of(t); err != nil || target.Site != "fra" || target.Cluster.Brokers[0] != "127.0.0.1:4" {
		t.Errorf("SPANWAY_SITE beside SPANWAY_BROKERS: %+v, %v", target, err)
	}
	if target, err := of(t, "--site", "paris"); err != nil || target.Site != "paris" || target.Cluster.Brokers[0] != "127.0.0.1:4" {
		t.Errorf("--site beside SPANWAY_BROKERS: %+v, %v", target, err)
	}
}
