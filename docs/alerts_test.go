package docs

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// alert is a rule of deploy/prometheus/alerts.yml.
type alert struct {
	Alert, Expr string
	Labels      struct{ Severity string }
	Annotations map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	if err := yaml.Unmarshal([]byte(read(t, "../deploy/prometheus/alerts.yml")), &file); err != nil {
		t.Fatal(err)
	}
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 20 {
		t.Fatalf("%d alerts are read", len(all))
	}
	return all
}

// listed are the metrics of metrics.md, each with its labels.
func listed(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| \\w+ \\| \\w* \\| ([^|]*) \\|").FindAllStringSubmatch(read(t, "metrics.md"), -1) {
		out[m[1]] = []string{"site", "instance", "job"}
		for _, l := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(m[2], -1) {
			out[m[1]] = append(out[m[1]], l[1])
		}
	}
	if len(out) < 60 {
		t.Fatalf("metrics.md lists %d metrics", len(out))
	}
	return out
}

// unknown are the names in an expression of what is neither a metric, nor a label of one
// that the expression names. Those of the process are not in the list.
func unknown(expr string, known map[string][]string) (out []string) {
	text := regexp.MustCompile(`"[^"]*"|\[[^\]]*\]`).ReplaceAllString(expr, "")
	names, labels := regexp.MustCompile(`[a-z]+(_[a-z0-9]+)+`).FindAllString(text, -1), map[string]bool{"le": true}
	var others []string
	for _, name := range names {
		of, ok := known[name]
		for _, part := range []string{"_bucket", "_count", "_sum"} {
			if of == nil {
				of, ok = known[strings.TrimSuffix(name, part)], known[strings.TrimSuffix(name, part)] != nil
			}
		}
		if !ok {
			others = append(others, name)
		}
		for _, l := range of {
			labels[l] = true
		}
	}
	for _, name := range others {
		if !labels[name] && !slices.Contains([]string{"histogram_quantile", "label_values", "process_start_time_seconds"}, name) {
			out = append(out, name)
		}
	}
	return out
}

// Every alert is of metrics that there are, says what is so, and leads to what to do.
func TestAlertsCanBeActedUpon(t *testing.T) {
	t.Parallel()
	known, page, tests := listed(t), read(t, "operations.md"), read(t, "../deploy/prometheus/alerts_test.yml")
	names := map[string]bool{}
	for _, a := range alerts(t) {
		for _, name := range unknown(a.Expr, known) {
			t.Errorf("%s is of %s, which metrics.md does not list", a.Alert, name)
		}
		_, anchor, _ := strings.Cut(a.Annotations["runbook_url"], "/docs/operations.md#")
		if anchor == "" || !slices.Contains(anchors(page), anchor) {
			t.Errorf("the run-book of %s is %q, and operations.md has no such section", a.Alert, a.Annotations["runbook_url"])
		}
		if a.Annotations["summary"] == "" || a.Labels.Severity != "warning" && a.Labels.Severity != "critical" {
			t.Errorf("%s has the summary %q and the severity %q", a.Alert, a.Annotations["summary"], a.Labels.Severity)
		}
		for _, does := range []string{" fires\n", " does not fire\n"} {
			if !strings.Contains(tests, "- name: "+a.Alert+does) {
				t.Errorf("alerts_test.yml does not test that %s%s", a.Alert, does)
			}
		}
		names[strings.ToLower(a.Alert)] = true
	}
	for _, anchor := range anchors(page) {
		if strings.HasPrefix(anchor, "spanway") && !names[anchor] {
			t.Errorf("operations.md has the section %s, and there is no such alert", anchor)
		}
	}
}

// anchors are those that GitHub gives to the headings of a page.
func anchors(page string) (out []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		plain := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(plain, " ", "-"))
	}
	return out
}

// The links within operations.md lead to sections that there are.
func TestSectionsThatAreNamedExist(t *testing.T) {
	t.Parallel()
	page := read(t, "operations.md")
	for _, m := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(page, -1) {
		if !slices.Contains(anchors(page), m[1]) {
			t.Errorf("operations.md links to #%s, which is not there", m[1])
		}
	}
}

// The dashboard shows metrics that there are.
func TestTheDashboardShowsWhatIsListed(t *testing.T) {
	t.Parallel()
	var dashboard struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "../deploy/grafana/spanway.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	known, rows := listed(t), map[string]bool{}
	for _, p := range dashboard.Panels {
		rows[p.Title] = rows[p.Title] || p.Type == "row"
		for _, q := range p.Targets {
			for _, name := range unknown(q.Expr, known) {
				t.Errorf("the panel %q shows %s, which metrics.md does not list", p.Title, name)
			}
		}
	}
	for _, row := range []string{"Tasks", "Engines", "Logs", "Queues", "Identifiers", "Links", "Networks", "Dead letters"} {
		if !rows[row] {
			t.Errorf("there is no row %q; there are %v", row, slices.Sorted(maps.Keys(rows)))
		}
	}
}

// The dashboard goes with any data source, and tells sites apart, as the alerts do.
func TestTheDashboardTellsSitesApart(t *testing.T) {
	t.Parallel()
	text := read(t, "../deploy/grafana/spanway.json")
	var dashboard struct {
		Templating struct {
			List []struct{ Name, Type, Query string }
		}
		Panels []struct {
			Title, Type string
			Datasource  struct{ UID string }
			Targets     []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal([]byte(text), &dashboard); err != nil {
		t.Fatal(err)
	}
	if v := dashboard.Templating.List[0]; v.Name != "datasource" || v.Type != "datasource" || v.Query != "prometheus" {
		t.Errorf("the first variable is %+v, and no data source", v)
	}
	by := regexp.MustCompile(`(?:sum|max|min|avg|count)(?: by \(([^)]*)\))? ?\(`)
	for _, p := range dashboard.Panels {
		if p.Type != "row" && p.Datasource.UID != "${datasource}" {
			t.Errorf("the panel %q is of the data source %q", p.Title, p.Datasource.UID)
		}
		for _, q := range p.Targets {
			m := by.FindStringSubmatch(q.Expr)
			if m == nil || !slices.Contains(strings.Split(m[1], ", "), "site") || !strings.Contains(q.LegendFormat, "{{site}}") {
				t.Errorf("the panel %q does not tell sites apart: %s, %s", p.Title, q.Expr, q.LegendFormat)
			}
		}
	}
	for _, a := range alerts(t) {
		for _, m := range regexp.MustCompile(` by \(([^)]*)\)`).FindAllStringSubmatch(a.Expr, -1) {
			if !slices.Contains(strings.Split(m[1], ", "), "site") {
				t.Errorf("%s does not tell sites apart: %s", a.Alert, a.Expr)
			}
		}
	}
}
