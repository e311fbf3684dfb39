package stoptest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// within bounds how long a process may take to stop.
const within = time.Minute

// Stop sends SIGSTOP to a process, and returns when none of its threads runs any more. Where
// there is no /proc it does not wait. The error says that the process is gone, or runs.
func Stop(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	proc := filepath.Join("/proc", strconv.Itoa(p.Pid), "task")
	if _, err := os.Stat(proc); err != nil {
		return nil
	}
	tick := time.NewTicker(time.Millisecond) // Nothing tells when a thread stops.
	defer tick.Stop()
	for until := time.Now().Add(within); !still(proc); <-tick.C {
		if time.Now().After(until) {
			return fmt.Errorf("process %d runs %v after SIGSTOP", p.Pid, within)
		}
	}
	return nil
}

// still tells whether all threads are stopped, or gone.
func still(proc string) bool {
	threads, err := os.ReadDir(proc)
	if err != nil {
		return true // The process is gone.
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(filepath.Join(proc, thread.Name(), "stat"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		// The state follows the name, which is in brackets and may hold some.
		_, state, ok := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
		if !ok || len(state) == 0 || !bytes.ContainsRune([]byte("TtXZ"), rune(state[0])) {
			return false
		}
	}
	return true
}
