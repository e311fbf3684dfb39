package compose

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// file is what these tests read of docker-compose.yml and of its stand-ins.
type file struct {
	Services map[string]struct {
		Image       string
		Build       any
		PullPolicy  string `yaml:"pull_policy"`
		Command     []string
		Networks    []string
		MemLimit    string `yaml:"mem_limit"`
		CPUs        string `yaml:"cpus"`
		GracePeriod string `yaml:"stop_grace_period"`
		Ports       []string
		Environment map[string]string
		Volumes     []any
		Tmpfs       []string
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
		if len(s.Networks) == 0 {
			t.Errorf("%s names no network, so that it is in the default one, which leads elsewhere", name)
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

// A name in the list of what engines run would leave its arguments to whoever may submit:
// the one program that there is, spanway, reads the engine's password and acts as the engine.
func TestEnginesAllowWholeCommands(t *testing.T) {
	engines := 0
	for _, name := range []string{"../../docker-compose.yml", "../../docker-compose.secure.yml"} {
		var stack file
		read(t, name, &stack)
		for service, s := range stack.Services {
			list, given := s.Environment["SPANWAY_ALLOW"]
			if slices.Equal(s.Command, []string{"serve", "engine"}) {
				if engines++; !given {
					t.Errorf("%s: the default list of %s has names, such as cat", name, service)
				}
			}
			for entry := range strings.SplitSeq(list, ",") {
				if given && len(strings.Fields(entry)) < 2 {
					t.Errorf("%s: %s allows %q with any arguments", name, service, entry)
				}
			}
		}
	}
	if engines != 3 {
		t.Errorf("%d engines", engines)
	}
}

// What a scheduler holds at most with one full pool fits into its memory, by the sizes of
// docs/kubernetes.md. The manifests are as docker-compose.yml.
func TestAFullPoolFits(t *testing.T) {
	const (
		mib     = int64(1) << 20
		waiting = 800 + 25 // bytes of a task, and of it in a snapshot
		ended   = 4_000_000 * (75 + 22)
		process = 40 * mib
	)
	var stack file
	read(t, "../../docker-compose.yml", &stack)
	schedulers := 0
	for name, s := range stack.Services {
		if !slices.Equal(s.Command, []string{"serve", "scheduler"}) {
			continue
		}
		schedulers++
		number := func(text string) int64 {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return n
		}
		holds := number(s.Environment["SPANWAY_WAITING_LIMIT"])*waiting + number(s.Environment["SPANWAY_PAYLOAD_BYTES"]) + ended + process
		soft, hard := number(strings.TrimSuffix(s.Environment["GOMEMLIMIT"], "MiB"))*mib, number(strings.TrimSuffix(s.MemLimit, "g"))<<30
		if holds > soft || soft > hard*17/20 {
			t.Errorf("%s may hold %d bytes; GOMEMLIMIT is %d, and the limit %d", name, holds, soft, hard)
		}
	}
	if schedulers != 4 {
		t.Errorf("%d schedulers", schedulers)
	}
}

// docs/compose.md says what docker-compose.yml has.
func TestThePageHasTheLimits(t *testing.T) {
	var stack file
	read(t, "../../docker-compose.yml", &stack)
	page, err := os.ReadFile("../../docs/compose.md")
	if err != nil {
		t.Fatal(err)
	}
	scheduler, queues := stack.Services["scheduler-ams-1"], stack.Services["queues-ams"]
	gib := func(limit string) string { return strings.TrimSuffix(limit, "g") + " GiB" }
	tasks := strings.TrimSuffix(scheduler.Environment["SPANWAY_WAITING_LIMIT"], "000") + ",000"
	for _, want := range []string{
		"Schedulers are limited to " + gib(scheduler.MemLimit) + ", and take " + tasks + " waiting tasks a pool",
		"keepers of queues to " + gib(queues.MemLimit),
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/compose.md does not say %q", want)
		}
	}
	for _, m := range regexp.MustCompile(`\d+ [MG]iB of memory`).FindAllString(string(page), -1) {
		t.Errorf("docs/compose.md says %q: each service has its own limit", m)
	}
}

// A volume that an image makes for itself, and that has no name, is left behind when its
// container is made anew: each such place is one of ours, or in memory.
func TestNoVolumeIsWithoutAName(t *testing.T) {
	var stack, standins file
	read(t, "../../docker-compose.yml", &stack)
	read(t, "standins/docker-compose.yml", &standins)
	tried := 0
	for name, s := range stack.Services {
		for of, standin := range standins.Services {
			if standin.Image != s.Image {
				continue
			}
			text, err := os.ReadFile("standins/" + of + "/Dockerfile")
			if err != nil {
				t.Fatal(err)
			}
			mounts := fmt.Sprint(s.Volumes, s.Tmpfs)
			for _, line := range regexp.MustCompile(`(?m)^VOLUME .*$`).FindAllString(string(text), -1) {
				for _, place := range regexp.MustCompile(`/[a-z/]+`).FindAllString(line, -1) {
					if tried++; !regexp.MustCompile(`[:\[ ]` + place + `([:\] ]|$)`).MatchString(mounts) {
						t.Errorf("%s: %s of %s is a volume without a name", name, place, s.Image)
					}
				}
			}
		}
	}
	if tried < 6 {
		t.Errorf("only %d places were looked at", tried)
	}
}

// What is in memory may be written still once its container was started again: Docker gives it
// the mode 755 then, whatever mode is asked for, so our user owns it.
func TestMemoryMayBeWritten(t *testing.T) {
	for _, name := range []string{"../../docker-compose.yml", "../../docker-compose.secure.yml"} {
		var stack file
		read(t, name, &stack)
		tried := 0
		for service, s := range stack.Services {
			for _, place := range s.Tmpfs {
				if !strings.HasPrefix(s.Image, "spanway/") {
					continue
				}
				if tried++; !strings.Contains(place, ",uid=65532,gid=65532") {
					t.Errorf("%s: %s is not owned by the user of the image", service, place)
				}
			}
		}
		if tried == 0 {
			t.Errorf("of %s nothing is in memory", name)
		}
	}
}

// Where Compose builds all images at once, two services that build one image write its name
// at the same time, and one of them is refused. So one builds, and the others take that.
func TestOneServiceBuilds(t *testing.T) {
	var stack file
	read(t, "../../docker-compose.yml", &stack)
	var builders []string
	for name, s := range stack.Services {
		want := ""
		switch {
		case s.Build != nil:
			builders = append(builders, name)
			want = "build"
		case strings.HasPrefix(s.Image, "spanway/"):
			want = "never"
		}
		if s.PullPolicy != want {
			t.Errorf("%s: pull_policy is %q, want %q", name, s.PullPolicy, want)
		}
	}
	if !slices.Equal(builders, []string{"scheduler-ams-1"}) {
		t.Errorf("%v build; want scheduler-ams-1 alone", builders)
	}
}

// A drain takes up to SPANWAY_GRACE, and then up to drained until all is written. Docker
// waits for longer than that before it kills.
func TestDrainsHaveTheirTime(t *testing.T) {
	const drained = 10 * time.Second
	var stack file
	read(t, "../../docker-compose.yml", &stack)
	for name, s := range stack.Services {
		if !strings.HasPrefix(s.Image, "spanway/") {
			continue
		}
		stop, err := time.ParseDuration(s.GracePeriod)
		if err != nil {
			t.Errorf("%s: stop_grace_period: %v", name, err)
		}
		var grace time.Duration
		if text := s.Environment["SPANWAY_GRACE"]; text != "" || slices.Equal(s.Command, []string{"serve", "engine"}) {
			if grace, err = time.ParseDuration(text); err != nil {
				t.Errorf("%s: SPANWAY_GRACE: %v", name, err)
			}
		}
		if stop <= grace+drained {
			t.Errorf("%s: Docker waits for %v; want more than %v and %v", name, stop, grace, drained)
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
