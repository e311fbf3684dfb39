package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/startstoptest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// role makes the test binary the program itself, on the broker that it names.
const role = "COUNTER_BROKER"

func TestMain(m *testing.M) {
	if broker := os.Getenv(role); broker != "" {
		os.Args = []string{"counter", broker, "serve"}
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// process is a counter that runs beside the test.
type process struct {
	*exec.Cmd
	kill func() // -9, and waits
}

func start(t *testing.T, broker string) process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), role+"="+broker), &shown{t}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := process{cmd, sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})}
	t.Cleanup(p.kill)
	return p
}

// shown is what a process says, if the test fails.
type shown struct{ t *testing.T }

func (s *shown) Write(b []byte) (int, error) {
	s.t.Logf("%s", b)
	return len(b), nil
}

// Numbers are added while one of two processes is killed, and the one that is left: the
// total is exact, whatever was on its way.
func TestTheCountIsExact(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c, err := cluster.Open(cluster.Config{Brokers: b.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Ensure(t.Context(), events.Specs(catalogue)); err != nil {
		t.Fatal(err)
	}
	first, second := start(t, b.Addr()), start(t, b.Addr())
	want := add(t, c, 300)
	await(t, c, want)
	first.kill()
	want += add(t, c, 300) // Half of them wait until the other process owns their partition.
	third := start(t, b.Addr())
	await(t, c, want)
	second.kill() // In the middle of what comes now, as likely as not.
	want += add(t, c, 3000)
	await(t, c, want)
	third.kill()
}

// add appends the numbers 1 to n, and something that is none; it returns their sum.
func add(t *testing.T, c *cluster.Cluster, n int64) (sum int64) {
	t.Helper()
	to := []eventlog.Log{c.Partition(adds, 0), c.Partition(adds, 1)}
	for i := int64(1); i <= n; i++ {
		if _, err := to[i%partitions].Append(t.Context(), []events.Record{{Value: fmt.Append(nil, i)}, {Value: []byte("none")}}); err != nil {
			t.Fatal(err)
		}
		sum += i
	}
	return sum
}

// await waits until all is added, and fails if more ever is.
func await(t *testing.T, c *cluster.Cluster, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := total(ctx, c)
		switch {
		case err != nil:
			t.Fatalf("total %d, want %d: %v", got, want, err)
		case got > want:
			t.Fatalf("total %d, want %d", got, want)
		case got == want:
			return
		}
		<-tick.C
	}
}

func TestStartsAndStops(t *testing.T) {
	startstoptest.Stress(t, func(t *testing.T) (startstoptest.Service, func()) {
		t.Helper()
		b, err := embedded.Start(embedded.Config{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := cluster.Open(cluster.Config{Brokers: b.Addrs()})
		if err != nil {
			t.Fatal(err)
		}
		s, err := newService(c)
		if err != nil {
			t.Fatal(err)
		}
		return s, func() {
			c.Close()
			b.Close()
		}
	})
}
