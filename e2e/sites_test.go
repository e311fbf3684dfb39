package e2e_test

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What two sites kept survives kill -9, each its own.
func TestSitesKeepTheirData(t *testing.T) {
	data := t.TempDir()
	t.Setenv("SPANWAY_CONFIG", filepath.Join(data, "config.yaml")) // Before it is there: dev writes it.
	dev, addr := startSites(t, data)
	for site, kafka := range addr {
		command(t, 0, "task", "submit", "--brokers", kafka, "--id", "only-"+site, "-k", "noop", "--wait")
		command(t, 0, "task", "submit", "--brokers", kafka, "--id", "waits-"+site, "-k", "noop", "--where", "false")
	}
	kill(dev)
	dev.wait(patience)

	dev, _ = startSites(t, data)
	for site, other := range map[string]string{"ams": "fra", "fra": "ams"} {
		at := []string{"--site", site, "-o", "json"}
		for id, state := range map[string]string{"only-": "succeeded", "waits-": "pending"} {
			if out := command(t, 0, append(at, "task", "show", id+site)...); !strings.Contains(out, `"state":"`+state+`"`) {
				t.Errorf("%s%s is not %s: %s", id, site, state, out)
			}
		}
		command(t, 1, append(at, "task", "show", "only-"+other)...)
		command(t, 0, append(at, "verify")...)
	}
	dev.signal(syscall.SIGTERM)
	if code := dev.wait(stopGrace); code != 0 {
		t.Errorf("it ends with %d", code)
	}
}

// startSites starts spanway dev with two sites and says where each one's Kafka is.
func startSites(t *testing.T, data string) (dev *process, addr map[string]string) {
	t.Helper()
	dev = spanway(t, "dev", "--sites", "ams,fra", "--port", "0", "--data", data)
	var ready struct {
		Sites []struct{ Site, Kafka string }
	}
	line := dev.out.await(t, "sites", patience)
	if err := json.Unmarshal([]byte(line), &ready); err != nil || len(ready.Sites) != 2 || ready.Sites[0].Site != "ams" {
		t.Fatalf("the ready line %q: %v", line, err)
	}
	addr = map[string]string{}
	for _, s := range ready.Sites {
		addr[s.Site] = s.Kafka
	}
	return dev, addr
}

// command runs one that ends with a code, and returns what it printed.
func command(t *testing.T, code int, args ...string) string {
	t.Helper()
	out, err := commandLine(t.Context(), binary, args...).CombinedOutput()
	got := 0
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != code {
		t.Fatalf("spanway %s ends with %d, want %d: %s", strings.Join(args, " "), got, code, out)
	}
	return string(out)
}
