package docs

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// variable is one that a person chooses in the dashboard.
type variable struct {
	Name, Type, Query, AllValue string
	IncludeAll, Multi           bool
	Current                     struct{ Text, Value string }
}

func variables(t *testing.T, text string) map[string]variable {
	t.Helper()
	var dashboard struct{ Templating struct{ List []variable } }
	if err := json.Unmarshal([]byte(text), &dashboard); err != nil {
		t.Fatal(err)
	}
	all := map[string]variable{}
	for _, v := range dashboard.Templating.List {
		all[v.Name] = v
	}
	return all
}

// Each variable that the dashboard uses it has, and each that it has it uses; those that begin
// with two underscores are Grafana's own.
func TestVariablesOfTheDashboardAreThere(t *testing.T) {
	t.Parallel()
	text := read(t, "../deploy/grafana/spanway.json")
	declared, used := variables(t, text), map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(text, -1) {
		used[m[1]] = true
		if _, ok := declared[m[1]]; !ok && !strings.HasPrefix(m[1], "__") {
			t.Errorf("the dashboard uses $%s, which it does not have", m[1])
		}
	}
	for name := range declared {
		if !used[name] {
			t.Errorf("nothing uses the variable %q", name)
		}
	}
}

// What is chosen at first shows something: the data source is one that is provisioned, as the
// default one, and all sites are those of the job that Prometheus scrapes, and what has no
// site, too.
func TestVariablesOfTheDashboardHaveDefaults(t *testing.T) {
	t.Parallel()
	text := read(t, "../deploy/grafana/spanway.json")
	all := variables(t, text)
	var provisioned struct {
		Datasources []struct {
			Type      string
			IsDefault bool
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "../deploy/grafana/provisioning/datasources/prometheus.yaml")), &provisioned); err != nil {
		t.Fatal(err)
	}
	source := all["datasource"]
	if d := provisioned.Datasources; source.Current.Value != "default" || len(d) != 1 || d[0].Type != source.Query || !d[0].IsDefault {
		t.Errorf("the data source is at first %+v, and provisioned are %+v", source, d)
	}
	site := all["site"]
	if !site.IncludeAll || !site.Multi || site.Current.Value != "$__all" || site.AllValue != ".*" {
		t.Errorf("the site is at first %+v, not all of them", site)
	}
	var scraped struct {
		ScrapeConfigs []struct {
			JobName       string                               `json:"job_name"`
			StaticConfigs []struct{ Labels map[string]string } `json:"static_configs"`
		} `json:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../deploy/prometheus/prometheus.yml")), &scraped); err != nil {
		t.Fatal(err)
	}
	for _, job := range scraped.ScrapeConfigs {
		for _, c := range job.StaticConfigs {
			want := `label_values(up{job="` + job.JobName + `"}, site)`
			if c.Labels["site"] == "" || site.Query != want {
				t.Errorf("sites are asked for by %s; Prometheus scrapes the job %q with the labels %v", site.Query, job.JobName, c.Labels)
			}
		}
	}
	if len(scraped.ScrapeConfigs) == 0 {
		t.Error("Prometheus scrapes nothing")
	}
}

// Each panel shows the sites that are chosen, which may be several, and no other.
func TestPanelsShowTheSitesThatAreChosen(t *testing.T) {
	t.Parallel()
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "../deploy/grafana/spanway.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	panels := 0
	for _, p := range dashboard.Panels {
		for _, q := range p.Targets {
			if n := strings.Count(q.Expr, "{"); n == 0 || strings.Count(q.Expr, `site=~"$site"`) != n {
				t.Errorf("the panel %q does not go by the sites that are chosen: %s", p.Title, q.Expr)
			}
			panels++
		}
	}
	if panels < 50 {
		t.Errorf("%d expressions are looked at", panels)
	}
}
