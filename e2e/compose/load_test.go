//go:build compose

package compose

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// load submits tasks and uses a queue at both sites, and takes identifiers, until it is
// stopped, and remembers what was acknowledged.
type load struct {
	stop   context.CancelFunc
	ended  sync.WaitGroup
	mu     sync.Mutex
	tasks  map[string][]string // By site.
	ranges []granted
	queues map[string]*queued // By site.
}

func startLoad(t *testing.T) *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{stop: stop, tasks: map[string][]string{}, queues: map[string]*queued{}}
	for _, site := range sites {
		q := &queued{}
		l.queues[site] = q
		l.ended.Go(func() { again(ctx, func() { l.submit(ctx, site) }) })
		l.ended.Go(func() { again(ctx, func() { q.work(ctx, site) }) })
	}
	l.ended.Go(func() { again(ctx, l.take) })
	t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	l.stop()
	l.ended.Wait()
}

// again does it again and again, with a pause, until ctx ends.
func again(ctx context.Context, do func()) {
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// submit submits tasks until its broker is away or ctx ends. Each ID is printed once it
// is durable.
func (l *load) submit(ctx context.Context, site string) {
	cmd := exec.CommandContext(ctx, root+"/bin/spanway", "--site", site, "task", "submit", "-k", "noop", "--every", "100ms")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		l.mu.Lock()
		l.tasks[site] = append(l.tasks[site], lines.Text())
		l.mu.Unlock()
	}
	_ = cmd.Wait()
}

func (l *load) take() {
	if g, err := grant(); err == nil {
		l.mu.Lock()
		l.ranges = append(l.ranges, g)
		l.mu.Unlock()
	}
}

// done is how many tasks were acknowledged at each site, and how many ranges were granted.
func (l *load) done() (all []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, site := range sites {
		all = append(all, len(l.tasks[site]))
	}
	return append(all, len(l.ranges))
}

// goesOn waits until more of each was done since a container was killed, and is back: a load that
// stands would prove nothing of the next one.
func (l *load) goesOn(s stack, killed string) {
	before := l.done()
	await(s.T, time.Minute, "the load to go on after "+killed+" was killed", func() ([]int, error) { return l.done(), nil }, func(now []int) bool {
		for i := range now {
			if now[i] <= before[i] {
				return false
			}
		}
		return true
	})
}

// judge ends the load: every task that was acknowledged succeeds, no identifier was granted
// twice, and each queue holds what was put in and not taken out.
func (l *load) judge(s stack) {
	l.end()
	for _, site := range sites {
		s.Logf("%d tasks at %s", len(l.tasks[site]), site)
		if len(l.tasks[site]) == 0 {
			s.Errorf("there was no load at %s", site)
		}
		await(s.T, time.Minute, "the tasks of "+site+" to succeed", func() ([]string, error) { return l.open(site) },
			func(open []string) bool { return len(open) == 0 })
	}
	for _, site := range sites {
		l.queues[site].judge(s, site)
	}
	s.Logf("%d ranges of identifiers", len(l.ranges))
	slices.SortFunc(l.ranges, func(a, b granted) int { return cmp.Compare(a.From, b.From) })
	for i := range l.ranges {
		if i > 0 && l.ranges[i].From <= l.ranges[i-1].To {
			s.Errorf("granted twice: %+v and %+v", l.ranges[i-1], l.ranges[i])
		}
	}
	if len(l.ranges) == 0 {
		s.Error("no identifiers were granted under load")
	}
}

// open are the tasks of a site that were acknowledged and have not succeeded.
func (l *load) open(site string) ([]string, error) {
	out, err := run(30*second, root+"/bin/spanway", "--site", site, "task", "list", "--state", "all", "--limit", "0", "-o", "json")
	if err != nil {
		return nil, err
	}
	good := map[string]bool{}
	for answers := json.NewDecoder(strings.NewReader(out)); answers.More(); {
		var v task
		if err := answers.Decode(&v); err != nil {
			return nil, err
		}
		good[v.ID] = v.State == "succeeded"
	}
	return slices.DeleteFunc(slices.Clone(l.tasks[site]), func(id string) bool { return good[id] }), nil
}
