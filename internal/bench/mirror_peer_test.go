package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/pkg/cluster"
)

// process is a mirror that is a process of its own.
type process struct {
	start func(prefix string) *exec.Cmd

	mu   sync.Mutex
	cmd  *exec.Cmd
	last MirrorUsage
}

func (p *process) Copy(ctx context.Context, prefix string) error {
	cmd := p.start(prefix)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	p.mu.Lock()
	p.cmd, p.last = cmd, MirrorUsage{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.cmd = nil
		p.mu.Unlock()
	}()
	select {
	case err := <-ended:
		return errors.Join(errors.New("it ended by itself"), err)
	case <-ctx.Done():
	}
	_, _ = p.Usage() // What it used at last.
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-ended: // A JVM that is told to end says 143.
		return nil
	case <-time.After(30 * time.Second):
		return errors.Join(errors.New("it does not end within 30 s of SIGTERM"), cmd.Process.Kill())
	}
}

// Usage is read from /proc: of a process that has ended, as it was at last.
func (p *process) Usage() (MirrorUsage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return p.last, nil
	}
	dir := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "stat")
	status, err2 := os.ReadFile(dir + "status")
	if err := errors.Join(err, err2); err != nil {
		return p.last, err
	}
	// proc(5): fields 14 and 15 are in ticks of 10 ms; the name, field 2, may hold spaces.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	p.last.CPU = time.Duration(user+system) * 10 * time.Millisecond
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.Fields(kib)[0], 10, 64)
			if err != nil {
				return p.last, err
			}
			p.last.Memory = n << 10
		}
	}
	return p.last, errors.Join(err, err2)
}

// connect opens a cluster for the benchmark.
func connect(tb testing.TB, addr string) *cluster.Cluster {
	tb.Helper()
	c, err := cluster.Open(cluster.Config{Brokers: []string{addr}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// mirrorMaker is MirrorMaker 2 between two brokers.
func mirrorMaker(tb testing.TB, source, target string) *process {
	return &process{start: func(prefix string) *exec.Cmd {
		return apache.MirrorMaker(tb, source, target, strings.ReplaceAll(prefix, ".", `\.`)+".*", nil)
	}}
}

// running is a replicator that is a process of its own, and the link that it copies for.
type running struct {
	*process
	link *Linked
}

func (r *running) Copy(ctx context.Context, prefix string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.process.Copy(ctx, prefix) })
	group.Go(func() error { return r.link.Copy(ctx, prefix) })
	return group.Wait()
}
