//go:build compose

package compose

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// get asks for JSON.
func get(address string, answer any) error {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(address)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// span is one of a trace: what was done, by which service.
type span struct{ Name, Service string }

// trace asks Jaeger for the spans of a trace.
func trace(id string) ([]span, error) {
	var answer struct {
		Data []struct {
			Spans []struct {
				OperationName string
				ProcessID     string
			}
			Processes map[string]struct{ ServiceName string }
		}
	}
	if err := get("http://127.0.0.1:"+jaegerPort+"/api/traces/"+id, &answer); err != nil {
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

// tracesArrive looks for the newest task of the demo in Jaeger.
func (s stack) tracesArrive() {
	done := succeeded.FindAllStringSubmatch(s.logs("demo-ams"), -1)
	id := done[len(done)-1][1]
	v, err := show("ams", id)
	if err != nil || v.TraceID == "" {
		s.Fatalf("task show %s: %+v, %v", id, v, err)
	}
	s.traced(v, append([]span{{"send spanway.tasks.requests", "spanway-cli"}}, ofServices...))
}

// ofServices are the spans that schedulers and engines make of a task that succeeds.
var ofServices = []span{
	{"process spanway.tasks.requests", "spanway-scheduler"},
	{"place", "spanway-scheduler"},
	{"process spanway.tasks.assignments", "spanway-engine"},
	{"process spanway.engines.reports", "spanway-scheduler"},
}

// traced waits until Jaeger has these spans of a task.
func (s stack) traced(v task, want []span) {
	s.Helper()
	await(s.T, 30*second, "the trace of task "+v.ID, func() ([]span, error) { return trace(v.TraceID) }, func(spans []span) bool {
		return !slices.ContainsFunc(want, func(w span) bool { return !slices.Contains(spans, w) })
	})
}

// kcatSubmits goes the way of docs/compose.md: a task from the host by a program that is no
// Spanway, its result, and the trace that was begun for it.
func (s stack) kcatSubmits() {
	bin, err := filepath.Abs(root + "/bin")
	if err != nil {
		s.Fatal(err)
	}
	s.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	s.Setenv("SPANWAY_CONFIG", "")
	s.Setenv("SPANWAY_TASK_ID", "from-kcat")
	if out := must(s.T, time.Minute, root+"/examples/producers/kcat/submit.sh", "spanway", "version"); !strings.HasPrefix(out, "spanway ") {
		s.Errorf("a task of kcat prints %q", out)
	}
	s.Setenv("SPANWAY_CONFIG", root+"/deploy/compose/host.yaml")
	v, err := show("ams", "from-kcat")
	if err != nil || v.State != "succeeded" || v.TraceID == "" {
		s.Fatalf("task show: %+v, %v", v, err)
	}
	s.traced(v, ofServices)
}

// up asks Prometheus which services it scrapes with success, as "site instance".
func up() ([]string, error) {
	var answer struct {
		Data struct {
			Result []struct {
				Metric struct{ Site, Instance string }
			}
		}
	}
	if err := get("http://127.0.0.1:"+prometheusPort+"/api/v1/query?query="+url.QueryEscape(`up{job="spanway"} == 1`), &answer); err != nil {
		return nil, err
	}
	var out []string
	for _, r := range answer.Data.Result {
		out = append(out, r.Metric.Instance+" of "+r.Metric.Site)
	}
	slices.Sort(out)
	return out, nil
}

// scraped waits until each service is scraped, with the site in its name, and looks
// whether the alert rules were read.
func (s stack) scraped() {
	var want []string
	for _, service := range served {
		want = append(want, service+" of "+siteOf(service))
	}
	slices.Sort(want)
	await(s.T, 30*second, "scrapes of every service", up, func(up []string) bool { return slices.Equal(up, want) })
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := get("http://127.0.0.1:"+prometheusPort+"/api/v1/rules", &answer); err != nil {
		s.Fatal(err)
	}
	rules := 0
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			if rules++; r.Health == "err" {
				s.Errorf("alert rule %s: %s", r.Name, r.LastError)
			}
		}
	}
	if rules == 0 {
		s.Error("Prometheus has no alert rules")
	}
}
