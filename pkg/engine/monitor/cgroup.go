package monitor

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cgroup is the directory of a cgroup of version 2.
type cgroup string

// findCgroup finds the one that this process is in. A container often sees only
// its own, mounted as if it were the root.
func findCgroup(self, mount string) (cgroup, error) {
	b, err := os.ReadFile(self)
	if err != nil {
		return "", fmt.Errorf("find the cgroup of this process: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		for _, dir := range []string{filepath.Join(mount, filepath.Clean("/"+path)), mount} {
			g := cgroup(dir)
			if _, err := g.read(); err == nil {
				return g, nil
			}
		}
	}
	return "", fmt.Errorf("this process is in no cgroup of version 2 that counts memory and CPU (%s, %s): measure the process instead", self, mount)
}

// limited tells whether the cgroup may not use all that the machine has.
func (g cgroup) limited() bool {
	for _, file := range []string{"memory.max", "cpu.max"} {
		b, err := os.ReadFile(filepath.Join(string(g), file))
		if err == nil && !strings.HasPrefix(string(b), "max") {
			return true
		}
	}
	return false
}

func (g cgroup) read() (reading, error) {
	current, err := os.ReadFile(filepath.Join(string(g), "memory.current"))
	if err != nil {
		return reading{}, fmt.Errorf("measure the cgroup: %w", err)
	}
	memory, err := strconv.ParseInt(strings.TrimSpace(string(current)), 10, 64)
	if err != nil {
		return reading{}, fmt.Errorf("measure the cgroup %s: memory.current: %w", string(g), err)
	}
	cache, err := g.stat("memory.stat", "inactive_file")
	if err != nil {
		return reading{}, err
	}
	usec, err := g.stat("cpu.stat", "usage_usec")
	if err != nil {
		return reading{}, err
	}
	return reading{cpu: time.Duration(usec) * time.Microsecond, memory: max(0, memory-cache)}, nil
}

// stat reads one figure of a file of names and figures.
func (g cgroup) stat(file, name string) (int64, error) {
	b, err := os.ReadFile(filepath.Join(string(g), file))
	if err != nil {
		return 0, fmt.Errorf("measure the cgroup: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if figure, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(figure), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("measure the cgroup %s: %s of %s: %w", string(g), name, file, err)
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("measure the cgroup %s: there is no %s in %s", string(g), name, file)
}
