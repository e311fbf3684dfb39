//go:build upgrade

package e2e_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// What is replaced: each is two processes.
const (
	theSchedulers  = "scheduler"
	theEngines     = "engine"
	theAllocators  = "allocator"
	theKeepers     = "queues"
	theReplicators = "replicator"
)

// upgrade is a system of two sites whose processes are of two releases.
type upgrade struct {
	t         *testing.T
	old, now  release
	sites     twoSites
	redis     *embedded.Redis
	config    string // file, for what has to do with links
	instances map[string][]*instance
	loads     []*loadProcess
	// snapshots counts, by release, the schedulers that began at a snapshot, of whichever release.
	snapshots map[string]int
	seen      *journal
}

// instance is a process of a service, with the address of its probes.
type instance struct {
	*process
	http string
	of   string // its release
}

// newUpgrade starts the brokers and a Redis, and builds both releases.
func newUpgrade(t *testing.T, commit string) *upgrade {
	t.Helper()
	repeatReasons(t)
	w := &upgrade{t: t, old: releaseOf(t, commit), now: thisRelease(t), instances: map[string][]*instance{}, snapshots: map[string]int{}}
	w.sites = twoOnKfake(t)
	redis, err := embedded.StartRedis(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	w.redis = redis
	w.config = filepath.Join(t.TempDir(), "config.yaml")
	text := fmt.Sprintf("clusters: {ams: {brokers: [%q]}, fra: {brokers: [%q]}}\ncontexts: {fra: {cluster: fra, site: fra, prefix: fra.}}\ncurrent-context: fra\n",
		w.sites.ams.Addr(), w.sites.fra.Addr())
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// serve starts a process of a service. Snapshots are written all the time, so that those of
// each release are read by the other; the history is kept, so that it can be judged.
func (w *upgrade) serve(r release, service string, number int) *instance {
	w.t.Helper()
	i := &instance{http: porttest.Addr(w.t), of: r.name}
	name := fmt.Sprint(service, number)
	args := []string{"serve", service, "--http", i.http}
	if service == theReplicators {
		args = append(args, "--config", w.config, "--instance", name, "--follow-interval", "1s")
	} else {
		args = append(args, "--brokers", w.sites.ams.Addr())
	}
	if service != theEngines {
		args = append(args, "--snapshot-interval", "1s", "--history", "-1s")
	}
	switch service {
	case theSchedulers:
		args = append(args, "--instance", name, "--engine-ttl", "3s")
	case theEngines: // Of now it allows no command unasked.
		args = append(args, "--allow", "sleep")
		args = append(args, "--id", name, "--engine-ttl", "3s", "--grace", "5s")
	case theAllocators:
		args = append(args, "--redis", w.redis.Addr(), "--reconcile-interval", "1s")
	}
	i.process = start(w.t, name+" of "+r.name, exec.Command(r.spanway, args...))
	return i
}

// ready waits until it does its job.
func (w *upgrade) ready(i *instance) {
	w.t.Helper()
	eventually(w.t, patience, i.name+" is ready", func(ctx context.Context) bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+i.http+"/readyz", nil)
		if err != nil {
			w.t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// end ends a process as an upgrade does.
func (w *upgrade) end(i *instance) {
	w.t.Helper()
	term(i.process)
	if code := i.wait(time.Minute); code != 0 {
		wrong(w.t, "%s ends with %d", i.name, code)
	}
	if strings.Contains(i.log.String(), "began at a snapshot") {
		w.snapshots[i.of]++
	}
}

// start starts two processes of each service.
func (w *upgrade) start(r release, services ...string) {
	w.t.Helper()
	for _, s := range services {
		w.instances[s] = []*instance{w.serve(r, s, 1), w.serve(r, s, 2)}
	}
	for _, s := range services {
		for _, i := range w.instances[s] {
			w.ready(i)
		}
	}
}

// snapshotted waits until the log of the tasks has a snapshot, and the next one is begun: who takes
// the log over begins at one, however soon that is.
func (w *upgrade) snapshotted() {
	w.t.Helper()
	c, topics := openCluster(w.t, w.sites.ams.Addr()), events.Topics{Prefix: events.DefaultPrefix}
	eventually(w.t, patience, "the log of the tasks has a snapshot", func(ctx context.Context) bool {
		_, end, err := c.Offsets(ctx, events.Snapshots(topics.Events()), events.PoolPartition(events.DefaultPool))
		return err == nil && end > 2 // records of one
	})
}

// roll replaces the processes of services by those of a release, one at a time.
func (w *upgrade) roll(r release, services ...string) {
	w.t.Helper()
	for _, s := range services {
		for n, i := range w.instances[s] {
			w.end(i)
			w.instances[s][n] = w.serve(r, s, n+1)
			w.ready(w.instances[s][n])
		}
		w.progress(fmt.Sprintf("with the %s of %s", s, r.name))
	}
}

// replaceAtOnce ends both processes of a service before it starts those of a release.
func (w *upgrade) replaceAtOnce(r release, service string) {
	w.t.Helper()
	for _, i := range w.instances[service] {
		w.end(i)
	}
	w.start(r, service)
	w.progress(fmt.Sprintf("with the %s of %s", service, r.name))
}

// declare makes the queue, the space and the link, and begins to watch.
func (w *upgrade) declare() {
	w.t.Helper()
	w.run(w.old, "queue", "create", "work")
	w.run(w.old, "id", "create", "spi", "--to", "100000000", "--quarantine", "0")
	w.runAtFra(w.old, "link", "apply", "logs", "--source", "ams", "--include", `spanway\.(tasks\.events|queue\.work|ids\.events)`)
	c, err := client.New(client.Config{Brokers: []string{w.sites.ams.Addr()}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.seen = watch(w.t, c)
	w.seen.howFar = func() string { return "" }
	w.t.Cleanup(func() { _ = c.Close(context.Background()) })
}

// run runs a command of a release, which must be good.
func (w *upgrade) run(r release, args ...string) string {
	w.t.Helper()
	return w.command(r, append(args, "--brokers", w.sites.ams.Addr())...)
}

func (w *upgrade) runAtFra(r release, args ...string) string {
	w.t.Helper()
	return w.command(r, append(args, "--config", w.config)...)
}

func (w *upgrade) command(r release, args ...string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	out, err := commandLine(ctx, r.spanway, args...).CombinedOutput()
	if err != nil {
		wrong(w.t, "spanway %s of %s: %v\n%s", strings.Join(args, " "), r.name, err, out)
	}
	return string(out)
}

// verify has a release judge all logs.
func (w *upgrade) verify(r release) {
	w.t.Helper()
	out := w.run(r, "verify")
	w.t.Logf("verify of %s:\n%s", r.name, out)
}

// use starts a program of a release that uses what parts say.
func (w *upgrade) use(r release, parts string) {
	w.t.Helper()
	name := fmt.Sprintf("%s%d", r.name, len(w.loads))
	cmd := exec.Command(r.load, w.sites.ams.Addr(), events.DefaultPrefix, name, parts)
	in, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	w.loads = append(w.loads, &loadProcess{process: start(w.t, "load "+name, cmd), in: in, parts: parts})
}

// progress waits until each program was answered more often, in each of its parts.
func (w *upgrade) progress(when string) {
	w.t.Helper()
	began := time.Now()
	before := make([][4]int, len(w.loads))
	for n, l := range w.loads {
		before[n] = l.answered()
	}
	eventually(w.t, patience, "all programs go on "+when, func(context.Context) bool {
		for n, l := range w.loads {
			if !l.further(before[n], 5) {
				return false
			}
		}
		return true
	})
	w.t.Logf("%s all go on after %v", when, time.Since(began).Round(time.Millisecond))
	for _, l := range w.loads {
		if i := strings.Index(l.log.String(), "WRONG:"); i >= 0 {
			giveUp(w.t, "%s, %s: %s", l.name, when, l.log.String()[i:])
		}
	}
}

// judge ends the load and holds what it was told against the log; then releases verify.
func (w *upgrade) judge(verifiers ...release) {
	w.t.Helper()
	var sum told
	for _, l := range w.loads {
		l.stop(w.t)
	}
	for _, l := range w.loads {
		sum.add(l.end(w.t))
	}
	for _, text := range sum.Wrong {
		wrong(w.t, "%s", text)
	}
	if w.snapshots[w.old.name] == 0 || w.snapshots[w.now.name] == 0 {
		wrong(w.t, "not in both releases a scheduler began at a snapshot: %v", w.snapshots)
	}
	w.tasksOnce(sum.Tasks)
	sum.queueOnce(w.t)
	sum.disjoint(w.t)
	for _, r := range []release{w.old, w.now} {
		if r == w.old && !slices.Contains(verifiers, r) {
			continue
		}
		w.verify(r)
		w.run(r, "task", "submit", "-k", "noop", "--wait")
		w.run(r, "queue", "list", "work")
		w.run(r, "id", "grant", "spi", "--owner", "cli")
		w.audit(r)
	}
	w.t.Logf("%d tasks, %d entries, %d ranges that are held; events: %v", len(sum.Tasks), len(sum.Put), len(sum.Held), w.seen.says())
}

// audit waits until all is copied, and has it compared.
func (w *upgrade) audit(r release) {
	w.t.Helper()
	out := ""
	eventually(w.t, patience, "what was copied is equal, says "+r.name, func(ctx context.Context) bool {
		all, err := commandLine(ctx, r.spanway, "link", "audit", "logs", "--whole", "--config", w.config).CombinedOutput()
		out = string(all)
		return err == nil
	})
	if strings.Count(out, " equal ") == 0 || strings.Contains(out, "differs") {
		wrong(w.t, "the audit of %s says:\n%s", r.name, out)
	}
}

// tasksOnce demands that each task has ended once, by success, and that no other has.
func (w *upgrade) tasksOnce(tasks []string) {
	w.t.Helper()
	w.seen.endedOnce(w.t, len(tasks), patience)
	w.seen.mu.Lock()
	defer w.seen.mu.Unlock()
	if len(w.seen.ended) != len(tasks) {
		wrong(w.t, "%d tasks have ended in the log, %d are told of", len(w.seen.ended), len(tasks))
	}
	for _, id := range tasks {
		if w.seen.succeededIn[id] == 0 {
			wrong(w.t, "task %s was told of as succeeded, and is not in the log", id)
		}
	}
	if attempts := slices.Max(slices.Collect(maps.Values(w.seen.attempts))); attempts > 0 {
		w.t.Logf("a task had at most %d attempts", attempts)
	}
}

// told is what programs were told.
type told struct {
	Tasks, Put, Taken, Wrong []string
	Held                     [][2]int64
}

func (s *told) add(o told) {
	s.Tasks = append(s.Tasks, o.Tasks...)
	s.Put = append(s.Put, o.Put...)
	s.Taken = append(s.Taken, o.Taken...)
	s.Wrong = append(s.Wrong, o.Wrong...)
	s.Held = append(s.Held, o.Held...)
}

// queueOnce demands that what was put in is what was taken out, each once.
func (s *told) queueOnce(t *testing.T) {
	t.Helper()
	slices.Sort(s.Put)
	slices.Sort(s.Taken)
	if !slices.Equal(s.Put, s.Taken) {
		wrong(t, "%d entries were put in and %d taken out, and they are not the same", len(s.Put), len(s.Taken))
	}
	if once := slices.Compact(slices.Clone(s.Taken)); len(once) != len(s.Taken) {
		wrong(t, "%d entries were taken out %d times", len(once), len(s.Taken))
	}
}

// disjoint demands that no identifier is held twice.
func (s *told) disjoint(t *testing.T) {
	t.Helper()
	slices.SortFunc(s.Held, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	for i := 1; i < len(s.Held); i++ {
		if s.Held[i][0] <= s.Held[i-1][1] {
			wrong(t, "the ranges %v and %v are both held", s.Held[i-1], s.Held[i])
		}
	}
}

func decodeTold(t *testing.T, text string) (s told) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		giveUp(t, "a program ended with %q: %v", text, err)
	}
	return s
}
