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
// tasks are submitted at both sites and identifiers are taken. What was acknowledged holds.
func (s stack) eachKilled() {
	work := startLoad(s.T)
	for _, together := range rounds() {
		began := time.Now()
		before := s.inspect(together...)
		for i, c := range before {
			if c.State.Pid <= 0 { // Between two starts there is none, and 0 is this test's own group.
				s.Fatalf("%s has no process: %+v", together[i], c.State)
			}
			if err := syscall.Kill(c.State.Pid, syscall.SIGKILL); err != nil {
				s.Fatalf("kill %s: %v", together[i], err)
			}
		}
		for i, c := range before {
			s.awaitWorks(together[i], c.State.StartedAt)
		}
		s.Logf("%s: killed, and at work again after %v", strings.Join(together, ", "), time.Since(began).Round(100*time.Millisecond))
	}
	for _, service := range served { // Brokers were killed last, and services tell of that.
		s.awaitWorks(service, "")
	}
	work.judge(s)
}

// rounds are all containers that run, in the order in which they are killed: one that ams
// needs and one that it does not need at a time, and each broker alone.
func rounds() [][]string {
	var here, elsewhere, alone []string
	for _, service := range running {
		switch {
		case strings.HasPrefix(service, "kafka"):
			alone = append(alone, service)
		case siteOf(service) == "fra" || slices.Contains(watchers, service):
			elsewhere = append(elsewhere, service)
		default:
			here = append(here, service)
		}
	}
	var out [][]string
	for i := range max(len(here), len(elsewhere)) {
		var together []string
		for _, some := range [][]string{here, elsewhere} {
			if i < len(some) {
				together = append(together, some[i])
			}
		}
		out = append(out, together)
	}
	for _, broker := range alone {
		out = append(out, []string{broker})
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
