package compose

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// file is what these tests read of docker-compose.yml and of its stand-ins.
type file struct {
	Services map[string]struct {
		Image       string
		Command     []string
		Networks    []string
		MemLimit    string `yaml:"mem_limit"`
		CPUs        string `yaml:"cpus"`
		GracePeriod string `yaml:"stop_grace_period"`
		Ports       []string
		Environment map[string]string
	}
	Networks map[string]*struct{ Internal bool }
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(name, err)
	}
}

// pinned is a tag that names one version, and ours.
var pinned = regexp.MustCompile(`^[a-z./-]+:v?\d+\.\d+\.\d+$|^spanway/spanway:devel$`)

func TestServicesAreLimited(t *testing.T) {
	var stack, standins file
	read(t, "../../docker-compose.yml", &stack)
	read(t, "standins/docker-compose.yml", &standins)
	var stood []string
	for _, s := range standins.Services {
		stood = append(stood, s.Image)
	}
	variables, err := os.ReadFile("../../.env")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range stack.Services {
		ours := strings.HasPrefix(s.Image, "spanway/")
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %s has no full version", name, s.Image)
		}
		if !ours && name != "grafana" && name != "kafka-ui" && !slices.Contains(stood, s.Image) {
			t.Errorf("%s: nothing stands in for %s", name, s.Image)
		}
		if s.MemLimit == "" || s.CPUs == "" {
			t.Errorf("%s has no limit of memory or CPU", name)
		}
		for _, network := range s.Networks {
			if n := stack.Networks[network]; ours && (n == nil || !n.Internal) {
				t.Errorf("%s is in network %s, which leads elsewhere", name, network)
			}
		}
		for _, port := range s.Ports {
			variable := regexp.MustCompile(`^127\.0\.0\.1:\$\{(\w+):-(\d+)\}:\d+$`).FindStringSubmatch(port)
			if variable == nil || !strings.Contains(string(variables), variable[1]+"="+variable[2]+"\n") {
				t.Errorf("%s publishes %s: want 127.0.0.1, and a port of .env with the same default", name, port)
			}
		}
	}
}

// Prometheus is told by name what to scrape: each service that serves, at its port, with
// the site that it is of.
func TestEveryServiceIsScraped(t *testing.T) {
	var stack file
	read(t, "../../docker-compose.yml", &stack)
	var scrapes struct {
		Jobs []struct {
			Static []struct {
				Labels  map[string]string
				Targets []string
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	read(t, "../../deploy/prometheus/prometheus.yml", &scrapes)
	var want, got []string
	for name, s := range stack.Services {
		if len(s.Command) > 0 && s.Command[0] == "serve" {
			want = append(want, name+s.Environment["SPANWAY_HTTP"]+" of "+s.Environment["SPANWAY_SITE"])
		}
	}
	for _, job := range scrapes.Jobs {
		for _, group := range job.Static {
			for _, target := range group.Targets {
				got = append(got, target+" of "+group.Labels["site"])
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("Prometheus scrapes %v\nand there are %v", got, want)
	}
}
