//go:build compose

package compose

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// stack is what docker-compose.yml describes. Its methods fail the test.
type stack struct{ *testing.T }

// The services that are spanway itself.
var (
	schedulers = []string{"scheduler-1", "scheduler-2"}
	engines    = []string{"engine-1", "engine-2"}
	ours       = slices.Concat(schedulers, engines, []string{"demo"})
)

const second = time.Second

// compose is docker compose, in the checkout.
func (s stack) compose(limit time.Duration, args ...string) string {
	s.Helper()
	return must(s.T, limit, made+"/bin/docker-compose", append([]string{"--project-directory", root, "--progress", "plain"}, args...)...)
}

// spanway is the command line on the host, with its defaults: the broker's
// published port is the one that it knows.
func (s stack) spanway(limit time.Duration, args ...string) string {
	s.Helper()
	return must(s.T, limit, root+"/bin/spanway", args...)
}

// inspect is a field of a service's container, as docker inspect prints it.
func (s stack) inspect(service, field string) string {
	s.Helper()
	return strings.TrimSpace(must(s.T, 30*second, "docker", "inspect", "--format", "{{"+field+"}}", "spanway-"+service+"-1"))
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
	State   string `json:"state"`
	Engine  string `json:"engine"`
	Attempt int    `json:"attempt"`
	TraceID string `json:"trace_id"`
}

func show(id string) (task, error) {
	var v task
	out, err := run(20*second, root+"/bin/spanway", "task", "show", id, "-o", "json")
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(out), &v)
}

// span is one of a trace: what was done, by which service.
type span struct{ Name, Service string }

// trace asks Jaeger for the spans of a trace.
func trace(id string) ([]span, error) {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get("http://127.0.0.1:16686/api/traces/" + id)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s for trace %q", response.Status, id)
	}
	var answer struct {
		Data []struct {
			Spans []struct {
				OperationName string
				ProcessID     string
			}
			Processes map[string]struct{ ServiceName string }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	var out []span
	for _, t := range answer.Data {
		for _, s := range t.Spans {
			out = append(out, span{s.OperationName, t.Processes[s.ProcessID].ServiceName})
		}
	}
	return out, nil
}
