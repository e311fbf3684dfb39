//go:build chaos

package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/e2e/chaos"
	"github.com/spanway/spanway/internal/clockshift"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// `make chaos` gives half of the time to each broker.
var (
	chaosFor  = flag.Duration("chaos", time.Minute, "how long the adversary acts, in both runs together")
	chaosSeed = flag.Uint64("chaos-seed", 0, "seed of a chaos run; 0: a new one")
	chaosRate = flag.Int("chaos-rate", 45, "requests a second of a chaos run")
)

// drainedWithin bounds what is left to do when the adversary has stopped.
const drainedWithin = 3 * time.Minute

// All guarantees, in any weather: see package chaos for the plan and the judge.
func TestChaos(t *testing.T)       { chaosRun(t, onKfake, 12*time.Second) }
func TestApacheChaos(t *testing.T) { chaosRun(t, onApache, 25*time.Second) }

func chaosRun(t *testing.T, on brokers, brokerEvery time.Duration) {
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d; again: go test -tags chaos -count 1 -v -timeout 60m -run '^%s$' ./e2e -chaos %v -chaos-seed %d (the moments at which things happen in other processes are not of the seed)", seed, t.Name(), *chaosFor, seed)
	dir := t.TempDir()
	fleet := filepath.Join(dir, "fleet")
	shifted := filepath.Join(dir, "spanway")
	for path, pkg := range map[string]string{fleet: "./chaos/fleet", shifted: "../cmd/spanway"} {
		if err := clockshift.Build(t.Context(), path, pkg); err != nil {
			t.Fatal(err)
		}
	}
	s := newSystem(t, on)
	s.binary = shifted
	s.seen.countOnly()
	w := &weather{
		system: s, random: rand.New(rand.NewPCG(seed, 1)), dir: dir, brokerEvery: brokerEvery,
		kafka: kafka.New(kafka.Config{Brokers: []string{s.broker.Addr()}}),
	}
	t.Cleanup(w.kafka.Close)
	defer w.keepLogs(seed) // while the broker runs
	w.cast(fleet)
	w.begin(seed)
	w.storm(seed)
	w.calm()
	w.end()
	w.judge()
}

// weather is a chaos run.
type weather struct {
	*system
	random      *rand.Rand
	dir         string
	kafka       *kafka.Client
	actors      []*actor
	senders     *senders
	brokerEvery time.Duration
	brokerAt    time.Time
	did         map[string]int
}

// actor is one process after the other, with a clock of its own.
type actor struct {
	name  string
	clock *clockshift.Clock
	begin func() *process
	lives []*process
	// wakes is when it is continued, if it is stopped, or begins again, if it is dead.
	wakes   time.Time
	stopped bool
}

func (a *actor) now() *process { return a.lives[len(a.lives)-1] }

func (a *actor) start() {
	p := a.begin()
	p.quiet = true
	a.lives, a.stopped, a.wakes = append(a.lives, p), false, time.Time{}
}

func (a *actor) dead() bool {
	select {
	case <-a.now().done:
		return true
	default:
		return false
	}
}

const (
	schedulers, fleets, enginesOfAFleet, standAlone = 3, 4, 6, 3
)

// cast starts all processes.
func (w *weather) cast(fleet string) {
	w.t.Helper()
	add := func(name string, begin func(env string) *process) {
		clock, err := clockshift.New(filepath.Join(w.dir, name+".clock"))
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = clock.Close() })
		a := &actor{name: name, clock: clock, begin: func() *process { return begin(clock.Env()) }}
		a.start()
		w.actors = append(w.actors, a)
	}
	for i := range schedulers {
		add(fmt.Sprint("scheduler-", i), func(env string) *process {
			return w.serve("scheduler", []string{env}, "--engine-ttl", "3s", "--snapshot-interval", "4s", "--history", "-1s")
		})
	}
	for i := range fleets {
		name := fmt.Sprint("fleet-", i)
		add(name, func(env string) *process {
			cmd := exec.Command(fleet, w.broker.Addr(), w.prefix, fmt.Sprint(i), fmt.Sprint(enginesOfAFleet))
			cmd.Env = append(os.Environ(), env)
			return start(w.t, name, cmd)
		})
	}
	for i := range standAlone {
		id := fmt.Sprint("alone-", i)
		add(id, func(env string) *process {
			return w.serve("engine", []string{env}, "--id", id, "--pool", string(chaos.Pools()[i]), "--slots", "4", "--engine-ttl", "3s", "--grace", "1s",
				"--site", "eu", "--label", "zone=a", "--label", "gpu=3", "--allow", "true,false,sleep")
		})
	}
	w.seen.awaitCount(w.t, events.TypeEngineRegistered, fleets*enginesOfAFleet+standAlone, 2*time.Minute)
}

// keepLogs writes what every process said, if the run failed.
func (w *weather) keepLogs(seed uint64) {
	if !w.t.Failed() {
		return
	}
	dir := filepath.Join("..", "build", "chaos", fmt.Sprintf("%s-%d", w.t.Name(), seed))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Error(err)
		return
	}
	for _, a := range w.actors {
		var all strings.Builder
		for i, p := range a.lives {
			fmt.Fprintf(&all, "==== life %d\n%s", i, p.log.String())
		}
		if err := os.WriteFile(filepath.Join(dir, a.name+".log"), []byte(all.String()), 0o644); err != nil {
			w.t.Error(err)
		}
	}
	w.keepEvents(dir)
	w.t.Logf("the logs of all processes are in %s, and tasks.events; the seed is %d", dir, seed)
}

// keepEvents writes tasks.events as it is, a line for each record.
func (w *weather) keepEvents(dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for partition := range events.PoolPartitions {
		var all strings.Builder
		log := w.kafka.Partition(w.topics().Events(), partition)
		for next, end := int64(0), int64(1); next < end; {
			page, err := log.Fetch(ctx, next, 0)
			if err != nil {
				w.t.Errorf("keep the events: %v", err)
				return
			}
			for i := range page.Records {
				r := &page.Records[i]
				inputs, _ := r.Header(events.HeaderInputs)
				env, m, err := events.DecodeTrusted(r)
				fmt.Fprintf(&all, "%d %s %s %v %v %s\n", r.Offset, env.Type, env.ID, m, err, inputs)
			}
			next, end = page.Next, page.End
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("events-%d.log", partition)), []byte(all.String()), 0o644); err != nil {
			w.t.Error(err)
		}
	}
}
