package e2e_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// `make soak` asks for ten minutes at half of what the machine can do.
var (
	soakFor  = flag.Duration("soak", 15*time.Second, "how long the soak lasts")
	soakRate = flag.Int("soak-rate", 1_000, "tasks a second of the soak")
)

// history is how long the scheduler of a soak keeps what ended: far less than a third of the
// soak, since only from then on does a process that forgets rightly stop to grow.
const history = "1s"

// collector has a watched process collect garbage as it does for users, whatever the tests
// themselves are told: from the heap it may reach, twice what lives, measure tells what lives.
var collector = []string{"GOGC=100", "GOMEMLIMIT=off"}

// What a process uses does not grow with what it has done: its live heap, its
// goroutines and its file descriptors in the last third of a soak are those of
// the third before it.
func TestSoak(t *testing.T)       { soak(t, onKfake) }
func TestApacheSoak(t *testing.T) { soak(t, onApache) }

func soak(t *testing.T, on brokers) {
	s := newSystem(t, on)
	watched := map[string]*process{
		"scheduler": s.serve("scheduler", collector, "--snapshot-interval", "1s", "--history", history),
		"engine":    s.serve("engine", collector, "--id", "e", "--allow", "true", "--slots", "2000"),
	}
	s.seen.awaitCount(t, events.TypeEngineRegistered, 1, patience)
	s.seen.countOnly()
	// What waits takes room, rightly. On a slow machine more and more would wait: what is judged
	// is what a process uses while hardly anything does.
	end := s.loadWhile(*soakRate, func(ctx context.Context, n int) { s.seen.ends(ctx, n-*soakRate) })
	every := max(*soakFor/60, 250*time.Millisecond)
	samples := map[string][]usage{}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < *soakFor; <-tick.C {
		for name, p := range watched {
			samples[name] = append(samples[name], measure(t, p))
		}
	}
	submitted := end()
	s.seen.await(t, "all tasks end", patience, func(j *journal) bool { return j.endings >= submitted })
	for name, all := range samples {
		third := len(all) / 3
		before, after := median(all[third:2*third]), median(all[2*third:])
		t.Logf("%s, %d tasks in %v: middle third %v, last third %v", name, submitted, *soakFor, before, after)
		flat(t, name+" heap", before.heap, after.heap, 12<<20)
		flat(t, name+" goroutines", before.goroutines, after.goroutines, 20)
		flat(t, name+" file descriptors", before.files, after.files, 8)
	}
}

// ends waits until more than so many tasks have ended, or ctx has.
func (j *journal) ends(ctx context.Context, n int) {
	for ctx.Err() == nil {
		j.mu.Lock()
		ok, changed := j.endings > n, j.changed
		j.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// flat demands that a figure did not grow by more than a tenth, and a little.
func flat(t *testing.T, what string, before, after, little int64) {
	t.Helper()
	if after > before+before/10+little {
		t.Errorf("%s grew from %d to %d", what, before, after)
	}
}

// usage is what a process uses.
type usage struct{ heap, goroutines, files int64 }

func (u usage) String() string {
	return fmt.Sprintf("heap %.1f MiB, %d goroutines, %d files", float64(u.heap)/(1<<20), u.goroutines, u.files)
}

func median(all []usage) usage {
	of := func(get func(usage) int64) int64 {
		var v []int64
		for _, u := range all {
			v = append(v, get(u))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return usage{
		of(func(u usage) int64 { return u.heap }), of(func(u usage) int64 { return u.goroutines }),
		of(func(u usage) int64 { return u.files }),
	}
}

var metricsAddress = regexp.MustCompile(`serving metrics and probes.*address=(\S+)`)

// measure asks a process for its metrics. The live heap is half of what the heap
// may reach before the next collection.
func measure(t *testing.T, p *process) usage {
	t.Helper()
	address := metricsAddress.FindStringSubmatch(p.log.await(t, "serving metrics", patience))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address[1]+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var u usage
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		x, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name {
		case "go_memstats_next_gc_bytes":
			u.heap = int64(x) / 2
		case "go_goroutines":
			u.goroutines = int64(x)
		case "process_open_fds":
			u.files = int64(x)
		}
	}
	return u
}
