package monitor

import (
	"fmt"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// tree measures a process and its descendants. CPU times of single processes
// vanish with them, so what each has used since it was last looked at is added
// up instead.
type tree struct {
	root int32
	used map[identity]time.Duration // by those that were there the last time
	cpu  time.Duration
}

// identity tells a process from a later one with the same number.
type identity struct {
	pid     int32
	created int64
}

func newTree(root int32) *tree {
	process.EnableBootTimeCache(true) // Or it is read anew with every process.
	return &tree{root: root}
}

func (t *tree) read() (reading, error) {
	root, err := process.NewProcess(t.root)
	if err != nil {
		return reading{}, fmt.Errorf("measure process %d: %w", t.root, err)
	}
	first := t.used == nil
	r, used := reading{}, map[identity]time.Duration{}
	for _, p := range append(descendants(t.root), root) {
		m, err := p.MemoryInfo()
		if err == nil {
			r.memory += int64(m.RSS)
		} else if p == root {
			return reading{}, fmt.Errorf("measure the memory of process %d: %w", t.root, err)
		}
		times, err := p.Times()
		if err != nil {
			continue // It has ended.
		}
		created, err := p.CreateTime()
		if err != nil {
			continue
		}
		id, sum := identity{p.Pid, created}, time.Duration((times.User+times.System)*float64(time.Second))
		used[id] = sum
		if !first {
			t.cpu += max(0, sum-t.used[id])
		}
	}
	t.used, r.cpu = used, t.cpu
	return r, nil
}

// descendants lists those of a process as far as they can be seen.
func descendants(root int32) []*process.Process {
	pids, err := process.Pids()
	if err != nil {
		return nil
	}
	children := map[int32][]*process.Process{}
	for _, pid := range pids {
		p := &process.Process{Pid: pid}
		if parent, err := p.Ppid(); err == nil && pid != root {
			children[parent] = append(children[parent], p)
		}
	}
	out := children[root]
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i].Pid]...)
		delete(children, out[i].Pid) // A number that came again closes no circle.
	}
	return out
}
