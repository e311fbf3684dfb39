//go:build compose

package compose

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The whole of docker-compose.yml, from `up` to `down`. The steps build on each
// other; the first that fails ends it.
func TestComposeUp(t *testing.T) {
	s := stack{t}
	t.Cleanup(s.tell)
	must(t, time.Minute, "docker", "import", made+"/debian.tar", "spanway.test/debian")
	must(t, 2*time.Minute, made+"/bin/docker-compose", "--file", "standins/docker-compose.yml", "--progress", "plain", "build")
	s.compose(3*time.Minute, "up", "--detach", "--wait", "--wait-timeout", "150")
	for _, step := range []struct {
		name string
		do   func(stack)
	}{
		{"containers may do no more than they need", stack.locked},
		{"tasks run on both engines", stack.tasksRun},
		{"a task is one trace in Jaeger", stack.tracesArrive},
		{"an engine is killed and its task goes to the other", stack.engineKilled},
		{"a scheduler is killed and the other takes over", stack.schedulerKilled},
		{"the log keeps the guarantees", stack.verified},
		{"stop is a drain that ends in time", stack.stopped},
		{"down leaves nothing", stack.down},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.do(stack{t}) }) {
			return
		}
	}
}

func (s stack) locked() {
	for _, service := range ours {
		for field, want := range map[string]string{
			".Config.User":                                    "65532:65532",
			".HostConfig.ReadonlyRootfs":                      "true",
			".HostConfig.CapDrop":                             "[ALL]",
			".HostConfig.SecurityOpt":                         "[no-new-privileges:true]",
			`ne "0" (print .HostConfig.Memory)`:               "true",
			`ne "0" (print .HostConfig.NanoCpus)`:             "true",
			"if .State.Health}}{{.State.Health.Status}}{{end": map[bool]string{true: "", false: "healthy"}[service == "demo"],
		} {
			if got := s.inspect(service, field); got != want {
				s.Errorf("%s: %s is %q, want %q", service, field, got, want)
			}
		}
	}
}

var succeeded = regexp.MustCompile(`task (\S+) succeeded on (\S+)`)

func (s stack) tasksRun() {
	await(s.T, time.Minute, "tasks of the demo on both engines", func() ([]string, error) {
		var on []string
		for _, m := range succeeded.FindAllStringSubmatch(s.logs("demo"), -1) {
			on = append(on, m[2])
		}
		return on, nil
	}, func(on []string) bool { return slices.Contains(on, "engine-1") && slices.Contains(on, "engine-2") })
	if out := s.spanway(30*second, "task", "submit", "--wait", "--where", `engine.labels.disk == "hdd"`, "--", "spanway", "version"); !strings.HasPrefix(out, "spanway ") {
		s.Errorf("a task from the host prints %q", out)
	}
	if out := s.compose(30*second, "exec", "--no-TTY", "scheduler-1", "spanway", "engine", "list"); !strings.Contains(out, "engine-1") || !strings.Contains(out, "engine-2") {
		s.Errorf("engine list:\n%s", out)
	}
}

func (s stack) tracesArrive() {
	done := succeeded.FindAllStringSubmatch(s.logs("demo"), -1)
	id := done[len(done)-1][1]
	v, err := show(id)
	if err != nil || v.TraceID == "" {
		s.Fatalf("task show %s: %+v, %v", id, v, err)
	}
	await(s.T, 30*second, "the trace of task "+id, func() ([]span, error) { return trace(v.TraceID) }, func(spans []span) bool {
		for _, want := range []span{
			{"send spanway.tasks.requests", "spanway-cli"},
			{"process spanway.tasks.requests", "spanway-scheduler"},
			{"place", "spanway-scheduler"},
			{"process spanway.tasks.assignments", "spanway-engine"},
			{"process spanway.engines.reports", "spanway-scheduler"},
		} {
			if !slices.Contains(spans, want) {
				return false
			}
		}
		return true
	})
}

// The task waits in its engine for another task, so that it runs for some seconds.
func (s stack) engineKilled() {
	s.spanway(30*second, "task", "submit", "--id", "held", "--",
		"spanway", "task", "submit", "--brokers", "kafka:9092", "-k", "noop", "--id", "gate", "--not-before", "10s", "--wait")
	ask := func() (task, error) { return show("held") }
	first := await(s.T, 30*second, "the task to run", ask, func(v task) bool { return v.State == "running" })
	s.compose(30*second, "kill", "--signal", "KILL", first.Engine)
	last := await(s.T, time.Minute, "the task to succeed", ask, func(v task) bool { return v.State == "succeeded" })
	if last.Engine == first.Engine || last.Attempt != 2 {
		s.Errorf("it ran as %+v, and then as %+v; want a second attempt on another engine", first, last)
	}
	s.compose(2*time.Minute, "up", "--detach", "--no-build", "--wait", "--wait-timeout", "90")
}

var owning = regexp.MustCompile(`msg=owning topic=spanway\.tasks\.events partition=11 epoch=(\d+)`)

// The tasks here are of one pool, which has one owner.
func (s stack) schedulerKilled() {
	owner, other := schedulers[0], schedulers[1]
	if !owning.MatchString(s.logs(owner)) {
		owner, other = other, owner
	}
	s.compose(30*second, "kill", "--signal", "KILL", owner)
	s.spanway(time.Minute, "task", "submit", "--wait", "--id", "after", "-k", "noop")
	if log := s.logs(other); !owning.MatchString(log) {
		s.Errorf("%s was killed, and the log of %s does not say that it owns its partition:\n%s", owner, other, log)
	}
	s.compose(2*time.Minute, "up", "--detach", "--no-build", "--wait", "--wait-timeout", "90")
}

func (s stack) verified() {
	if out := s.spanway(time.Minute, "verify"); !strings.Contains(out, "hold") {
		s.Errorf("verify:\n%s", out)
	}
}

// The task runs longer than an engine may let it, and costs no container its
// orderly end.
func (s stack) stopped() {
	s.spanway(30*second, "task", "submit", "--id", "long", "--",
		"spanway", "task", "submit", "--brokers", "kafka:9092", "-k", "noop", "--id", "later", "--not-before", "1h", "--wait")
	await(s.T, 30*second, "the long task to run", func() (task, error) { return show("long") }, func(v task) bool { return v.State == "running" })
	s.compose(2*time.Minute, "stop")
	for _, service := range append([]string{"kafka"}, ours...) {
		code := s.inspect(service, ".State.ExitCode")
		if service == "kafka" && code == "143" {
			continue // A JVM that ends orderly on SIGTERM says so.
		}
		if code != "0" {
			s.Errorf("%s ends with %s; 137 is a kill after stop_grace_period", service, code)
		}
	}
}

func (s stack) down() {
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
