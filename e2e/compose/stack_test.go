//go:build compose

package compose

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// stack is what docker-compose.yml describes. Its methods fail the test.
type stack struct{ *testing.T }

// The sites, and the services of docker-compose.yml: those that are spanway itself
// and say whether they are ready, those that are spanway and do not, and the others.
var (
	sites      = []string{"ams", "fra"}
	schedulers = []string{"scheduler-ams-1", "scheduler-ams-2", "scheduler-fra-1", "scheduler-fra-2"}
	engines    = []string{"engine-ams-1", "engine-ams-2", "engine-fra-1"}
	managers   = []string{"global-manager-ams", "local-manager-ams", "local-manager-fra"}
	served     = slices.Concat(schedulers, engines, []string{"allocator-ams-1", "allocator-ams-2", "queues-ams", "queues-fra", "replicator-ams", "replicator-fra"}, managers)
	demos      = []string{"demo-ams", "demo-fra"}
	links      = []string{"links-ams", "links-fra"}
	keepers    = []string{"queues-ams", "queues-fra"}
	ours       = slices.Concat(served, demos)
	stores     = []string{"redis", "kafka-ams", "kafka-fra"}
	watchers   = []string{"jaeger", "prometheus"}
	running    = slices.Concat(ours, stores, watchers)
)

// Jaeger and Prometheus have other ports in the test of the plain stack than in .env.
const (
	jaegerPort     = "26686"
	prometheusPort = "29090"
)

// otherPorts has Compose read a copy of .env with these ports.
func (s stack) otherPorts() {
	s.Helper()
	text, err := os.ReadFile(root + "/.env")
	if err != nil {
		s.Fatal(err)
	}
	for _, change := range [][2]string{{"JAEGER_PORT=16686", "JAEGER_PORT=" + jaegerPort}, {"PROMETHEUS_PORT=9090", "PROMETHEUS_PORT=" + prometheusPort}} {
		if !bytes.Contains(text, []byte(change[0]+"\n")) {
			s.Fatalf(".env has no %s", change[0])
		}
		text = bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)
	}
	name := filepath.Join(s.TempDir(), "ports.env")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		s.Fatal(err)
	}
	s.Setenv("COMPOSE_ENV_FILES", name)
}

// leftOut are the services that nothing stands in for.
var leftOut = []string{"grafana"}

const second = time.Second

// compose is docker compose, in the checkout.
func (s stack) compose(limit time.Duration, args ...string) string {
	s.Helper()
	return must(s.T, limit, made+"/bin/docker-compose", append([]string{"--project-directory", root, "--progress", "plain"}, args...)...)
}

// make is `make TARGET` in the checkout, as a person calls it, without some variables.
func (s stack) make(limit time.Duration, target string, without ...string) {
	s.Helper()
	args := []string{"--unset=MAKEFLAGS", "--unset=MAKELEVEL"}
	for _, name := range without {
		args = append(args, "--unset="+name)
	}
	must(s.T, limit, "env", append(args, "make", "-C", root, target)...)
}

// known looks whether docker-compose.yml declares the services that this test knows.
func (s stack) known() {
	s.Helper()
	declared := strings.Fields(s.compose(30*second, "--profile", "left-out", "config", "--services"))
	slices.Sort(declared)
	if all := slices.Sorted(slices.Values(slices.Concat(running, links, leftOut))); !slices.Equal(declared, all) {
		s.Fatalf("docker-compose.yml has the services %v; this test knows %v", declared, all)
	}
}

// at is the command line on the host, at a site.
func (s stack) at(site string, limit time.Duration, args ...string) string {
	s.Helper()
	return must(s.T, limit, root+"/bin/spanway", append([]string{"--site", site}, args...)...)
}

// container is what there is to know of one.
type container struct {
	Config struct{ User string }
	State  struct {
		Status    string
		Pid       int
		StartedAt string
		ExitCode  int
		OOMKilled bool
		Health    *struct{ Status string }
	}
	HostConfig struct {
		ReadonlyRootfs       bool
		CapDrop, SecurityOpt []string
		Memory, NanoCpus     int64
	}
	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
	}
	RestartCount int
}

// works says whether it runs, and is healthy if it has a health check.
func (c container) works() bool {
	return c.State.Status == "running" && (c.State.Health == nil || c.State.Health.Status == "healthy")
}

// networks are the names of those that it is in.
func (c container) networks() []string {
	var names []string
	for name := range maps.Keys(c.NetworkSettings.Networks) {
		names = append(names, strings.TrimPrefix(name, "spanway_"))
	}
	slices.Sort(names)
	return names
}

func named(service string) string { return "spanway-" + service + "-1" }

// inspect tells of the containers of services, in their order.
func inspect(services ...string) ([]container, error) {
	args := []string{"inspect"}
	for _, service := range services {
		args = append(args, named(service))
	}
	out, err := run(30*second, "docker", args...)
	if err != nil {
		return nil, err
	}
	var all []container
	return all, json.Unmarshal([]byte(out), &all)
}

func (s stack) inspect(services ...string) []container {
	s.Helper()
	all, err := inspect(services...)
	if err != nil {
		s.Fatal(err)
	}
	return all
}

func (s stack) logs(service string) string {
	s.Helper()
	return s.compose(30*second, "logs", "--no-color", "--no-log-prefix", service)
}

// tell prints how things stand, if the test failed.
func (s stack) tell() {
	if !s.Failed() {
		return
	}
	for _, args := range [][]string{{"ps", "--all"}, {"logs", "--no-color", "--tail", "15"}} {
		out, err := run(30*second, made+"/bin/docker-compose", append([]string{"--project-directory", root}, args...)...)
		s.Logf("docker compose %s (%v):\n%s", strings.Join(args, " "), err, out)
	}
}

// task is what task show says of a task.
type task struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Engine  string `json:"engine"`
	Attempt int    `json:"attempt"`
	TraceID string `json:"trace_id"`
}

// show tells of a task of a site, or with the prefix of another one's copies of that.
func show(site, id string, flags ...string) (task, error) {
	var v task
	out, err := run(20*second, root+"/bin/spanway", append([]string{"--site", site, "task", "show", id, "-o", "json"}, flags...)...)
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(out), &v)
}
