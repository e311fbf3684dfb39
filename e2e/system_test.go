package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/verify/tasks"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

// system is a broker process with whatever a test starts beside it.
type system struct {
	t      *testing.T
	broker broker
	prefix string
	// binary is the spanway that its processes run.
	binary string
	client *client.Client
	seen   *journal
}

func newSystem(t *testing.T, on brokers) *system {
	t.Helper()
	repeatReasons(t)
	return systemOf(t, on(t), events.DefaultPrefix)
}

// systemOn is a system of that prefix on a broker that others may use, too.
func systemOn(t *testing.T, b broker, prefix string) *system {
	t.Helper()
	repeatReasons(t)
	return systemOf(t, b, prefix)
}

func systemOf(t *testing.T, b broker, prefix string) *system {
	t.Helper()
	s := &system{t: t, broker: b, prefix: prefix, binary: binary}
	k := kafka.New(kafka.Config{Brokers: []string{s.broker.Addr()}})
	defer k.Close()
	if _, err := k.Ensure(t.Context(), events.Specs(events.Topics{Prefix: prefix}.Catalogue())); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{Brokers: []string{s.broker.Addr()}, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	s.client = c
	s.seen = watch(t, c)
	s.seen.howFar = s.howFar
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = c.Close(ctx)
	})
	return s
}

func (s *system) scheduler(args ...string) *process {
	s.t.Helper()
	return s.serve("scheduler", nil, args...)
}

// engineProcess is a stand-alone engine that runs the commands of these tests.
func (s *system) engineProcess(id string, args ...string) *process {
	s.t.Helper()
	return s.serve("engine", nil, append([]string{"--id", id, "--allow", "true,sleep,sha256sum,sh"}, args...)...)
}

// serve starts a service in a process of its own.
func (s *system) serve(service string, env []string, args ...string) *process {
	s.t.Helper()
	args = append([]string{"serve", service, "--brokers", s.broker.Addr(), "--prefix", s.prefix}, args...)
	cmd := exec.Command(s.binary, args...)
	cmd.Env = append(os.Environ(), env...)
	return start(s.t, strings.Join(args, " "), cmd)
}

// engine runs an engine inside of the test process.
func (s *system) engine(cfg engine.Config, kind string, h engine.Handler) *engine.Engine {
	s.t.Helper()
	cfg.Brokers, cfg.Prefix = []string{s.broker.Addr()}, s.prefix
	e, err := engine.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	e.Handle(kind, h)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := e.Run(ctx); err != nil && ctx.Err() == nil {
			wrong(s.t, "engine %s: %v", cfg.ID, err)
		}
	}()
	s.t.Cleanup(func() {
		cancel()
		e.Close()
		<-done
	})
	select {
	case <-e.Ready():
	case <-time.After(patience):
		giveUp(s.t, "engine %s was not registered within %v", cfg.ID, patience)
	}
	return e
}

// submit asks for n tasks made by f and waits until all are durable.
func (s *system) submit(n int, f func(i int) client.Task) {
	s.t.Helper()
	var all sync.WaitGroup
	all.Add(n)
	for i := range n {
		s.client.SubmitAsync(s.t.Context(), f(i), func(id events.TaskID, err error) {
			if err != nil {
				wrong(s.t, "submit %s: %v", id, err)
			}
			all.Done()
		})
	}
	all.Wait()
}

// load submits tasks of kind noop at a rate a second until it is ended, and then
// tells how many there were.
func (s *system) load(rate int) (end func() int) {
	return s.loadWhile(rate, func(context.Context, int) {})
}

// loadWhile is load that calls a function before each batch, with how many were submitted; it
// may wait, no longer than its context.
func (s *system) loadWhile(rate int, before func(ctx context.Context, n int)) (end func() int) {
	const each = 10 * time.Millisecond
	ctx, cancel := context.WithCancel(s.t.Context())
	done, n := make(chan struct{}), 0
	go func() {
		defer close(done)
		tick := time.NewTicker(each)
		defer tick.Stop()
		for ctx.Err() == nil {
			before(ctx, n)
			s.submit(rate/100, func(k int) client.Task {
				return client.Task{ID: events.TaskID(fmt.Sprint("load", n+k)), Kind: "noop"}
			})
			n += rate / 100
			<-tick.C
		}
	}()
	return func() int { cancel(); <-done; return n }
}

// verify runs the judging command on what the test left and returns its report.
func (s *system) verify() tasks.Report {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), verifyWithin)
	defer cancel()
	out, err := commandLine(ctx, binary, "verify", "--brokers", s.broker.Addr(), "--prefix", s.prefix, "-o", "json").Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		giveUp(s.t, "spanway verify had not ended after %v; %s", verifyWithin, s.howFar())
	case err != nil && !errors.As(err, &exit):
		giveUp(s.t, "spanway verify: %v", err)
	}
	var r tasks.Report
	if err2 := json.Unmarshal(out, &r); err2 != nil {
		giveUp(s.t, "spanway verify: %v, %v\n%s", err, err2, out)
	}
	if exit == nil {
		exit = &exec.ExitError{}
	}
	if err != nil || len(r.Findings) > 0 {
		wrong(s.t, "spanway verify: %v\n%s\n%s", err, out, exit.Stderr)
	}
	return r
}

// verifyWithin bounds how long the judging command may take: it reads all that is kept.
const verifyWithin = 3 * time.Minute

// journal follows all events that count and lets tests wait for them.
type journal struct {
	mu     sync.Mutex
	counts map[events.Type]int
	// ended counts the terminal events of each task, attempts its assignments.
	ended, attempts map[string]int
	// succeededIn is the attempt in which each task succeeded.
	succeededIn map[string]int32
	last        map[events.Type]client.Event
	changed     chan struct{}
	// endings counts terminal events; if light, that is all that is kept of tasks.
	endings int
	light   bool
	// nexts are the offsets behind the newest events, by partition.
	nexts map[int32]int64
	// howFar tells how much there is to be seen.
	howFar func() string
}

// countOnly keeps nothing of single tasks from now on.
func (j *journal) countOnly() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.light = true
}

var terminal = map[events.Type]bool{
	events.TypeTaskSucceeded: true, events.TypeTaskFailed: true, events.TypeTaskExpired: true,
	events.TypeTaskCancelled: true, events.TypeTaskDeadLettered: true,
}

// watch returns a journal of all that happens from now on.
func watch(t *testing.T, c *client.Client) *journal {
	t.Helper()
	j := &journal{
		counts: map[events.Type]int{}, ended: map[string]int{}, attempts: map[string]int{},
		succeededIn: map[string]int32{}, last: map[events.Type]client.Event{}, changed: make(chan struct{}),
		nexts: map[int32]int64{},
	}
	ctx, cancel := context.WithCancel(context.Background())
	began, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Watch(ctx, client.WatchConfig{Began: func() { close(began) }}, j.see); err != nil && ctx.Err() == nil {
			wrong(t, "watch: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	select {
	case <-began:
	case <-done:
		giveUp(t, "the watch ended before it began")
	case <-time.After(patience):
		giveUp(t, "the watch did not begin within %v", patience)
	}
	return j
}

func (j *journal) see(e client.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.counts[e.Type]++
	j.nexts[e.Partition] = e.Offset + 1
	if terminal[e.Type] {
		j.endings++
	}
	if j.light {
		close(j.changed)
		j.changed = make(chan struct{})
		return nil
	}
	j.last[e.Type] = e
	if terminal[e.Type] {
		j.ended[string(client.TaskOf(e.Message))]++
	}
	if e.Type == events.TypeTaskAssigned {
		j.attempts[string(client.TaskOf(e.Message))]++
	}
	if m, ok := e.Message.(*events.TaskSucceeded); ok {
		j.succeededIn[m.TaskId] = m.Attempt
	}
	close(j.changed)
	j.changed = make(chan struct{})
	return nil
}

// await waits until check, which looks at the journal, says true.
func (j *journal) await(t *testing.T, what string, within time.Duration, check func(*journal) bool) {
	t.Helper()
	deadline := time.After(within)
	for {
		j.mu.Lock()
		ok, changed := check(j), j.changed
		j.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			giveUp(t, "not within %v: %s; %s; %s", within, what, j.says(), j.howFar())
		}
	}
}

// says counts what was seen.
func (j *journal) says() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return fmt.Sprintf("%d tasks ended, events: %v", len(j.ended), j.counts)
}

func (j *journal) count(typ events.Type) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.counts[typ]
}

func (j *journal) awaitCount(t *testing.T, typ events.Type, n int, within time.Duration) {
	t.Helper()
	j.await(t, string(typ), within, func(j *journal) bool { return j.counts[typ] >= n })
}

// endedOnce waits until n tasks have ended and checks that each did once.
func (j *journal) endedOnce(t *testing.T, n int, within time.Duration) {
	t.Helper()
	j.await(t, "all tasks end", within, func(j *journal) bool { return len(j.ended) >= n })
	j.mu.Lock()
	defer j.mu.Unlock()
	for id, times := range j.ended {
		if times != 1 {
			wrong(t, "task %s ended %d times", id, times)
		}
	}
}

// attemptOf is the attempt in which a task succeeded, or 0.
func (j *journal) attemptOf(id string) int32 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.succeededIn[id]
}

func kill(p *process) { p.signal(syscall.SIGKILL) }
func stop(p *process) { p.signal(syscall.SIGSTOP) }
func cont(p *process) { p.signal(syscall.SIGCONT) }
func term(p *process) { p.signal(syscall.SIGTERM) }

// owner is the scheduler whose log was the last to say that it owns the
// partition of the default pool.
func owner(schedulers ...*process) *process {
	own := fmt.Sprintf("partition=%d ", events.PoolPartition(events.DefaultPool))
	var last *process
	var when string
	for _, p := range schedulers {
		for line := range strings.Lines(p.log.String()) {
			if strings.Contains(line, "msg=owning") && strings.Contains(line, own) && line > when {
				last, when = p, line // Lines begin with the time.
			}
		}
	}
	return last
}
