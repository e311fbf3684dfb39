//go:build compose

package compose

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// fromNothing is how long the stack may take to come up with warm images.
const fromNothing = 2 * time.Minute

// The whole of docker-compose.yml, from `up` to `down`. The steps build on each
// other; the first that fails ends it.
func TestComposeUp(t *testing.T) {
	s := stack{t}
	t.Cleanup(s.tell)
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SPANWAY_CONFIG", root+"/deploy/compose/host.yaml")
	t.Setenv("COMPOSE_FILE", here+"/docker-compose.yml:"+here+"/e2e/compose/standins/held.yml")
	fmt.Fprintf(os.Stderr, "*** LEFT OUT, FOR NOTHING STANDS IN FOR THEM: %s, kafka-ui (profile tools) ***\n", strings.Join(leftOut, ", "))
	images(s)
	s.otherPorts()
	for _, step := range []struct {
		name string
		do   func(stack)
	}{
		{"it comes up from nothing", stack.comesUp},
		{"containers may do no more than they need", stack.locked},
		{"tasks run at both sites", stack.tasksRun},
		{"a task is one trace in Jaeger", stack.tracesArrive},
		{"a task of kcat runs and is one trace in Jaeger", stack.kcatSubmits},
		{"identifiers are granted", stack.identifiersGranted},
		{"leases of queues end", stack.queuesKept},
		{"each site reads the tasks of the other", stack.copiesFollow},
		{"networks span both sites", stack.networksSpan},
		{"Prometheus scrapes every service", stack.scraped},
		{"a service reaches what it needs and no more", stack.walled},
		{"an engine is killed and its task goes to the other", stack.engineKilled},
		{"a scheduler is killed and the other takes over", stack.schedulerKilled},
		{"each container is killed in turn under load", stack.eachKilled},
		{"the logs keep the guarantees", stack.verified},
		{"all goes on without the network of telemetry", stack.untold},
		{"stop is a drain that ends in time", stack.stopped},
		{"down leaves nothing", stack.down},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.do(stack{t}) }) {
			return
		}
	}
}

var built bool

// images builds the images once: stand-ins, and our own from them.
func images(s stack) {
	s.Helper()
	if built {
		return
	}
	must(s.T, time.Minute, "docker", "import", made+"/debian.tar", "spanway.test/debian")
	must(s.T, 2*time.Minute, made+"/bin/docker-compose", "--file", "standins/docker-compose.yml", "--progress", "plain", "build")
	s.compose(2*time.Minute, "build")
	built = true
}

// comesUp is `make up`, of all that there are stand-ins for.
func (s stack) comesUp() {
	s.known()
	began := time.Now()
	s.make(3*time.Minute, "up")
	took := time.Since(began).Round(100 * time.Millisecond)
	s.Logf("from nothing to healthy: %v", took)
	if took > fromNothing {
		s.Errorf("it took longer than %v", fromNothing)
	}
	for i, c := range s.inspect(slices.Concat(served, stores)...) {
		if !c.works() || c.RestartCount > 0 {
			s.Errorf("%s is %+v after %d restarts", slices.Concat(served, stores)[i], c.State, c.RestartCount)
		}
	}
}

var succeeded = regexp.MustCompile(`task (\S+) succeeded on (\S+)`)

// tasksRun waits for new tasks of both demos, on every engine, and runs one from the host.
func (s stack) tasksRun() {
	for _, demo := range demos {
		before := len(succeeded.FindAllString(s.logs(demo), -1))
		await(s.T, 2*time.Minute, "tasks of "+demo+" on every engine of its site", func() ([]string, error) {
			var on []string
			for _, m := range succeeded.FindAllStringSubmatch(s.logs(demo), -1)[before:] {
				on = append(on, m[2])
			}
			return on, nil
		}, func(on []string) bool {
			return !slices.ContainsFunc(engines, func(engine string) bool { return siteOf(engine) == siteOf(demo) && !slices.Contains(on, engine) })
		})
	}
	if out := s.at("ams", 30*second, "task", "submit", "--wait", "--where", `engine.labels.disk == "hdd"`, "--", "spanway", "version"); !strings.HasPrefix(out, "spanway ") {
		s.Errorf("a task from the host prints %q", out)
	}
	if out := s.compose(30*second, "exec", "--no-TTY", "scheduler-fra-1", "spanway", "engine", "list"); !strings.Contains(out, "engine-fra-1") || strings.Contains(out, "engine-ams-1") {
		s.Errorf("engine list at fra:\n%s", out)
	}
}

// granted is what id grant says.
type granted struct{ From, To int64 }

func grant() (granted, error) {
	var g granted
	out, err := run(20*second, root+"/bin/spanway", "--site", "ams", "id", "grant", "chains", "--count", "3", "-o", "json")
	if err != nil {
		return g, err
	}
	return g, json.Unmarshal([]byte(out), &g)
}

func (s stack) identifiersGranted() {
	s.at("ams", 30*second, "id", "create", "chains", "--to", "1000000")
	if g, err := grant(); err != nil || g.To != g.From+2 {
		s.Errorf("id grant: %+v, %v", g, err)
	}
}

// copiesFollow reads a task of each site in the copy that the other has.
func (s stack) copiesFollow() {
	for i, site := range sites {
		id := strings.TrimSpace(s.at(site, 30*second, "task", "submit", "-k", "noop"))
		other := sites[1-i]
		await(s.T, 2*time.Minute, "task "+id+" of "+site+" in the copy at "+other,
			func() (task, error) { return show(other, id, "--prefix", site+".spanway.") },
			func(v task) bool { return v.State == "succeeded" })
	}
}

func (s stack) verified() {
	for i, site := range sites {
		if out := s.at(site, 2*time.Minute, "verify"); !strings.Contains(out, "hold") {
			s.Errorf("verify at %s:\n%s", site, out)
		}
		s.at(sites[1-i], 2*time.Minute, "link", "audit", site) // Its exit code tells.
	}
}

// The task runs longer than an engine may let it, and costs no container its
// orderly end.
func (s stack) stopped() {
	s.at("ams", 30*second, "task", "submit", "--id", "long", "--",
		"spanway", "task", "submit", "--brokers", "kafka-ams:9092", "-k", "noop", "--id", "later", "--not-before", "1h", "--wait")
	await(s.T, 30*second, "the long task to run", func() (task, error) { return show("ams", "long") }, func(v task) bool { return v.State == "running" })
	s.compose(2*time.Minute, "stop")
	for i, c := range s.inspect(running...) {
		code := c.State.ExitCode
		if strings.HasPrefix(running[i], "kafka") && code == 143 {
			continue // A JVM that ends orderly on SIGTERM says so.
		}
		if code != 0 || c.State.OOMKilled {
			s.Errorf("%s ends with %d (out of memory: %v); 137 is a kill after stop_grace_period", running[i], code, c.State.OOMKilled)
		}
	}
}

// down is `make down`, which knows of no second file and leaves the volumes; with these gone
// nothing is left.
func (s stack) down() {
	s.make(2*time.Minute, "down", "COMPOSE_FILE")
	if left := must(s.T, 30*second, "docker", "ps", "--all", "--quiet"); left != "" {
		s.Errorf("make down leaves containers:\n%s", left)
	}
	if volumes := must(s.T, 30*second, "docker", "volume", "ls", "--quiet"); !strings.Contains(volumes, "spanway_kafka-ams\n") {
		s.Errorf("make down leaves of volumes %q; the log of ams is to stay", volumes)
	}
	s.compose(time.Minute, "down", "--volumes")
	for what, args := range map[string][]string{
		"containers": {"ps", "--all", "--quiet"},
		"volumes":    {"volume", "ls", "--quiet"},
		"networks":   {"network", "ls", "--quiet", "--filter", "type=custom"},
	} {
		if left := must(s.T, 30*second, "docker", args...); left != "" {
			s.Errorf("%s are left:\n%s", what, left)
		}
	}
}
