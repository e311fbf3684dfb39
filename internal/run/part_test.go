package run

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// diary notes what parts do, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// at is where a line is; -1 if it is not there.
func (d *diary) at(line string) int { return slices.Index(d.lines, line) }

// part takes a second to start and a second to stop.
func (d *diary) part(name string) starter {
	return func(context.Context) (func(), error) {
		<-time.After(time.Second) // of the bubble's clock
		d.note("started " + name)
		return func() {
			<-time.After(time.Second)
			d.note("stopped " + name)
		}, nil
	}
}

// twoSites are two chains of three, with two engines at the end of each.
func twoSites(d *diary) parts {
	var ps parts
	for _, site := range []string{"ams", "fra"} {
		broker := ps.add("broker "+site, d.part("broker "+site))
		sched := ps.add("scheduler "+site, d.part("scheduler "+site), broker)
		for _, n := range []string{"1", "2"} {
			ps.add("engine "+site+n, d.part("engine "+site+n), sched)
		}
	}
	return ps
}

func TestPartsStartAndStopSideBySideInTheOrderOfTheirNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		ps := twoSites(d)
		began := time.Now()
		if err := ps.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("three in a row take %v to start", took)
		}
		began = time.Now()
		ps.stop(time.Hour, func([]string) {})
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("three in a row take %v to stop", took)
		}
		if len(d.lines) != 2*len(ps) {
			t.Errorf("%q", d.lines)
		}
		for _, p := range ps {
			for _, need := range p.needs {
				if d.at("started "+need.name) > d.at("started "+p.name) || d.at("stopped "+need.name) < d.at("stopped "+p.name) {
					t.Errorf("%s needs %s: %q", p.name, need.name, d.lines)
				}
			}
		}
	})
}

// A start that fails ends the others, and what had started is stopped, the part
// that failed, too.
func TestAStartThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, broken := &diary{}, errors.New("no room")
		ps := twoSites(d)
		ps[1].start = func(context.Context) (func(), error) {
			return func() { d.note("stopped " + ps[1].name) }, broken
		}
		ps[5].start = func(ctx context.Context) (func(), error) {
			<-ctx.Done() // Without the other's failure it would wait for ever.
			return nil, ctx.Err()
		}
		if err := ps.start(t.Context()); !errors.Is(err, broken) {
			t.Errorf("start returns %v", err)
		}
		ps.stop(time.Hour, func([]string) {})
		for _, line := range []string{"stopped broker ams", "stopped scheduler ams", "stopped broker fra"} {
			if d.at(line) < 0 {
				t.Errorf("%q is missing: %q", line, d.lines)
			}
		}
		if d.at("started engine ams1") >= 0 {
			t.Errorf("an engine started without its scheduler: %q", d.lines)
		}
	})
}

// A wait that ends with its context says what it waited for.
func TestAStartThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ps parts
		broker := ps.add("broker", (&diary{}).part("broker"))
		ps.add("scheduler", (&diary{}).part("scheduler"), broker)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		err := ps.start(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "scheduler: the broker is not ready") {
			t.Errorf("start returns %v", err)
		}
		ps.stop(time.Hour, func([]string) {})
	})
}

// A stop that lasts says what it waits for, and not what waits for that.
func TestAStopThatLastsSaysWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ps := twoSites(&diary{})
		end := make(chan struct{})
		ps[1].start = func(context.Context) (func(), error) { return func() { <-end }, nil }
		if err := ps.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		var reports [][]string
		ps.stop(10*time.Second, func(stopping []string) {
			if reports = append(reports, stopping); len(reports) == 2 {
				close(end)
			}
		})
		if len(reports) != 2 || !slices.Equal(reports[0], []string{"scheduler ams"}) {
			t.Errorf("it reports %q", reports)
		}
	})
}
