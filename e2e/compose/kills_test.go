//go:build compose

package compose

import (
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The task waits in its engine for another task, so that it runs for some seconds.
// An engine that was killed by docker stays away until it is started again.
func (s stack) engineKilled() {
	s.at("ams", 30*second, "task", "submit", "--id", "held", "--",
		"spanway", "task", "submit", "--brokers", "kafka-ams:9092", "-k", "noop", "--id", "gate", "--not-before", "10s", "--wait")
	ask := func() (task, error) { return show("ams", "held") }
	first := await(s.T, 30*second, "the task to run", ask, func(v task) bool { return v.State == "running" })
	must(s.T, 30*second, "docker", "kill", named(first.Engine))
	last := await(s.T, time.Minute, "the task to succeed", ask, func(v task) bool { return v.State == "succeeded" })
	if last.Engine == first.Engine || last.Attempt != 2 {
		s.Errorf("it ran as %+v, and then as %+v; want a second attempt on another engine", first, last)
	}
	must(s.T, 30*second, "docker", "start", named(first.Engine))
	s.awaitWorks(first.Engine, "")
}

var owning = regexp.MustCompile(`msg=owning topic=spanway\.tasks\.events partition=11 epoch=(\d+)`)

// The tasks here are of one pool, which has one owner.
func (s stack) schedulerKilled() {
	owner, other := schedulers[0], schedulers[1]
	if !owning.MatchString(s.logs(owner)) {
		owner, other = other, owner
	}
	must(s.T, 30*second, "docker", "kill", named(owner))
	s.at("ams", time.Minute, "task", "submit", "--wait", "--id", "after", "-k", "noop")
	if log := s.logs(other); !owning.MatchString(log) {
		s.Errorf("%s was killed, and the log of %s does not say that it owns its partition:\n%s", owner, other, log)
	}
	must(s.T, 30*second, "docker", "start", named(owner))
	s.awaitWorks(owner, "")
}

// eachKilled kills the process of each container, which Docker then starts again, while
// tasks are submitted at both sites and identifiers are taken. One is killed at a time, and
// the next once all that it took with it works again. What was acknowledged holds.
func (s stack) eachKilled() {
	work := startLoad(s.T)
	s.killed(work)
	work.judge(s)
}

// killed kills one container after the other, each while the load goes on.
func (s stack) killed(work *load) {
	s.Helper()
	for _, service := range inTurn() {
		began := time.Now()
		before := s.inspect(service)[0]
		if before.State.Pid <= 0 { // Between two starts there is none, and 0 is this test's own group.
			s.Fatalf("%s has no process: %+v", service, before.State)
		}
		if err := syscall.Kill(before.State.Pid, syscall.SIGKILL); err != nil {
			s.Fatalf("kill %s: %v", service, err)
		}
		s.awaitWorks(service, before.State.StartedAt)
		again := time.Since(began)
		s.awaitServed()
		work.goesOn(s, service)
		s.Logf("%s: killed, at work again after %v, and all others after %v", service, again.Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond))
	}
	for i, c := range s.inspect(running...) {
		if c.RestartCount == 0 {
			s.Errorf("%s was not killed, or not started again", running[i])
		}
	}
}

// inTurn are all containers that run, in the order in which they are killed: brokers last,
// of which all others tell.
func inTurn() []string {
	broker := func(service string) bool { return strings.HasPrefix(service, "kafka") }
	out := slices.DeleteFunc(slices.Clone(running), broker)
	for _, service := range running {
		if broker(service) {
			out = append(out, service)
		}
	}
	return out
}

// awaitWorks waits until a container works that was started after the given time.
func (s stack) awaitWorks(service, after string) {
	s.Helper()
	await(s.T, 3*time.Minute, service+" to work again", func() (container, error) {
		all, err := inspect(service)
		if err != nil {
			return container{}, err
		}
		return all[0], nil
	}, func(c container) bool { return c.works() && c.State.StartedAt != after })
}

// awaitServed waits until all services of Spanway work.
func (s stack) awaitServed() {
	s.Helper()
	await(s.T, 3*time.Minute, "all services to work", func() ([]string, error) {
		all, err := inspect(served...)
		var away []string
		for i, c := range all {
			if !c.works() {
				away = append(away, served[i])
			}
		}
		return away, err
	}, func(away []string) bool { return len(away) == 0 })
}
