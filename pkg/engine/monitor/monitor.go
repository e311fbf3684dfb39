package monitor

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// The dimensions that are measured.
const (
	CPU    = "cpu_millis"
	Memory = "memory_bytes"
)

// window is what CPU is averaged over.
const window = 5 * time.Second

// Source says what is measured.
type Source string

// The sources; the package's comment tells them apart.
const (
	Process Source = "process"
	Cgroup  Source = "cgroup"
	Best    Source = "auto"
)

// reading is what a source says at one moment.
type reading struct {
	// cpu is the CPU time used since some moment that stays the same.
	cpu    time.Duration
	memory int64
}

// Monitor measures. It is safe for concurrent use.
type Monitor struct {
	source Source
	read   func() (reading, error)
	now    func() time.Time

	mu   sync.Mutex
	past []sample // oldest first; the first may be older than the window
}

// sample is the CPU time used by a moment.
type sample struct {
	at  time.Time
	cpu time.Duration
}

// New makes a monitor of a source, or says why that cannot be measured here.
func New(s Source) (*Monitor, error) {
	m := &Monitor{source: s, now: time.Now}
	switch s {
	case Process:
		m.read = newTree(int32(os.Getpid())).read
	case Cgroup, Best:
		g, err := findCgroup("/proc/self/cgroup", "/sys/fs/cgroup")
		switch {
		case err == nil && (s == Cgroup || g.limited()):
			m.source, m.read = Cgroup, g.read
		case s == Cgroup:
			return nil, err
		default:
			return New(Process)
		}
	default:
		return nil, fmt.Errorf("monitor: source %q: use %q, %q or %q", s, Process, Cgroup, Best)
	}
	if _, err := m.read(); err != nil {
		return nil, err
	}
	return m, nil
}

// Source is what is measured: Process or Cgroup.
func (m *Monitor) Source() Source { return m.source }

// Used measures now. CPU is what was used since some seconds ago, or since the
// first call; the first call itself does not know it yet. What cannot be
// measured is left out.
func (m *Monitor) Used() map[string]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.read()
	if err != nil {
		m.past = nil
		return nil
	}
	out := map[string]int64{Memory: r.memory}
	now := m.now()
	m.past = append(m.past, sample{now, r.cpu})
	for len(m.past) > 2 && now.Sub(m.past[1].at) >= window {
		m.past = m.past[1:]
	}
	if since := m.past[0]; now.After(since.at) {
		out[CPU] = max(0, int64(float64(r.cpu-since.cpu)*1000/float64(now.Sub(since.at))))
	}
	return out
}
