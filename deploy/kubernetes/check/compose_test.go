package check

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"go.yaml.in/yaml/v3"
)

// compose is what is read of docker-compose.yml.
type compose struct {
	Services map[string]struct {
		Image       string
		Command     []string
		ReadOnly    bool     `yaml:"read_only"`
		CapDrop     []string `yaml:"cap_drop"`
		MemLimit    string   `yaml:"mem_limit"`
		CPUs        string   `yaml:"cpus"`
		GracePeriod string   `yaml:"stop_grace_period"`
		Environment map[string]string
	}
}

// twins are the services of docker-compose.yml that the workloads are as.
var twins = map[string]string{
	"scheduler": "scheduler-ams-1", "engine": "engine-ams-1", "allocator": "allocator-ams-1", "replicator": "replicator-ams", "queues": "queues-ams",
	"global-manager": "global-manager-ams", "local-manager": "local-manager-ams",
}

// others are variables whose values differ: what is outside has another address, and
// names are those of pods.
var others = []string{"SPANWAY_BROKERS", "SPANWAY_REDIS", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_RESOURCE_ATTRIBUTES", "SPANWAY_INSTANCE", "SPANWAY_ENGINE_ID"}

// more are variables that only pods have: who they are at a Kafka with TLS and passwords,
// and on which node.
var more = []string{
	"POD", "SPANWAY_USER", "SPANWAY_PASSWORD_FILE", "SPANWAY_SASL_MECHANISM", "SPANWAY_TLS_CA", "SPANWAY_LOG_FORMAT", "SPANWAY_NODE",
	"SPANWAY_REDIS_USERNAME", "SPANWAY_REDIS_PASSWORD_FILE", "SPANWAY_REDIS_TLS_CA",
}

// environment is that of a container: what its ConfigMaps say, then what itself says.
func (m manifests) environment(t *testing.T, c corev1.Container) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, from := range c.EnvFrom {
		config := m.configs[from.ConfigMapRef.Name]
		if config == nil {
			t.Fatalf("%s: there is no ConfigMap %s", c.Name, from.ConfigMapRef.Name)
		}
		maps.Copy(all, config.Data)
	}
	for _, v := range c.Env {
		all[v.Name] = v.Value
	}
	return all
}

func TestWorkloadsAreAsInCompose(t *testing.T) {
	text, err := os.ReadFile("../../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var stack compose
	if err := yaml.Unmarshal(text, &stack); err != nil {
		t.Fatal(err)
	}
	m := load(t)
	if want, got := slices.Sorted(maps.Keys(twins)), slices.Sorted(maps.Keys(m.workloads)); !slices.Equal(got, want) {
		t.Fatalf("workloads %v, want %v", got, want)
	}
	for name, w := range m.workloads {
		twin, c := twins[name], w.container()
		s, ok := stack.Services[twin]
		if !ok {
			t.Fatalf("docker-compose.yml has no service %s", twin)
		}
		if c.Image != s.Image || !slices.Equal(c.Args, s.Command) || c.Command != nil {
			t.Errorf("%s: %s %v, in compose %s %v", name, c.Image, c.Args, s.Image, s.Command)
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s: compose is less strict than is read here", twin)
		}
		environment := m.environment(t, c)
		for variable, value := range s.Environment {
			got, ok := environment[variable]
			if !ok || got == "" || got != value && !slices.Contains(others, variable) {
				t.Errorf("%s: %s is %q, in compose %q", name, variable, got, value)
			}
		}
		for variable := range environment {
			if _, ok := s.Environment[variable]; !ok && !slices.Contains(more, variable) {
				t.Errorf("%s: only the pod has %s", name, variable)
			}
		}
		memory, cpus := resource.MustParse(strings.ToUpper(s.MemLimit)+"i"), resource.MustParse(s.CPUs)
		if !memory.Equal(*c.Resources.Limits.Memory()) || !cpus.Equal(*c.Resources.Limits.Cpu()) {
			t.Errorf("%s: limits are %v, in compose %s and %s CPU", name, c.Resources.Limits, s.MemLimit, s.CPUs)
		}
		grace, err := time.ParseDuration(s.GracePeriod)
		drain := 10 * time.Second // what leaving a group and closing take, at most
		if g := environment["SPANWAY_GRACE"]; g != "" && err == nil {
			var work time.Duration
			work, err = time.ParseDuration(g)
			drain += work
		}
		pod := time.Duration(*w.pod.Spec.TerminationGracePeriodSeconds) * time.Second
		if err != nil || pod < grace || pod <= drain {
			t.Errorf("%s: is given %v to end; compose gives it %v, and a drain takes %v (%v)", name, pod, grace, drain, err)
		}
		if len(c.Ports) != 1 || environment["SPANWAY_HTTP"] != ":8080" || c.Ports[0].ContainerPort != 8080 || c.Ports[0].Name != "http" {
			t.Errorf("%s: ports %v, and serves at %s", name, c.Ports, environment["SPANWAY_HTTP"])
		}
	}
}

// A name alone would leave the arguments to whoever may submit, and so the engine's password.
func TestEnginesAllowWholeCommands(t *testing.T) {
	m := load(t)
	list := m.environment(t, m.workloads["engine"].container())["SPANWAY_ALLOW"]
	for entry := range strings.SplitSeq(list, ",") {
		if len(strings.Fields(entry)) < 2 {
			t.Errorf("engines allow %q with any arguments", entry)
		}
	}
}

// One queue that is full by the default rules fits into the memory of its keeper.
func TestAFullQueueFits(t *testing.T) {
	const entry = 120 // bytes, as docs/kubernetes.md says
	text, err := os.ReadFile("../../../pkg/queue/order/rules.go")
	if err != nil {
		t.Fatal(err)
	}
	most := regexp.MustCompile(`DefaultMaxEntries += ([0-9_]+)`).FindSubmatch(text)
	if most == nil {
		t.Fatal("the default is not there")
	}
	entries, err := strconv.ParseInt(strings.ReplaceAll(string(most[1]), "_", ""), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	m := load(t)
	c := m.workloads["queues"].container()
	soft := resource.MustParse(strings.TrimSuffix(m.environment(t, c)["GOMEMLIMIT"], "B"))
	hard := c.Resources.Limits.Memory()
	if entries*entry*5/4 > soft.Value() || soft.Value() > hard.Value()*17/20 {
		t.Errorf("%d entries are %d bytes; GOMEMLIMIT is %v, and the limit %v", entries, entries*entry, soft.String(), hard)
	}
}

// A variable that no command reads would be without effect, and a mistake.
func TestVariablesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	m := load(t)
	for name, w := range m.workloads {
		for variable := range m.environment(t, w.container()) {
			if strings.HasPrefix(variable, "SPANWAY_") && !strings.Contains(string(text), "`"+variable+"`") {
				t.Errorf("%s: docs/operations.md does not know %s", name, variable)
			}
		}
	}
}
