package guard

import (
	"bytes"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// becomeReaper makes orphaned descendants children of the guard.
func becomeReaper() {
	// It fails on kernels before 3.4 only; the process group is killed even so.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// pairs: a guard is two processes, each of which ends what is left if the other is
// killed: the outer one adopts what the inner one leaves behind.
const pairs = true

// startInner starts the inner guard with the files of the outer one. That is told by
// SIGTERM if the outer one is killed.
func startInner() (int, error) {
	return syscall.ForkExec("/proc/self/exe", []string{os.Args[0], inner}, &syscall.ProcAttr{
		Env: environ(), Files: []uintptr{0, 1, 2, 3, statusFile},
		Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM},
	})
}

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// reap collects the ends of all children until there are none.
func (g *guarded) reap() {
	for awaitEnd() {
		g.mu.Lock()
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || pid <= 0 {
				break
			}
			if pid == g.main {
				g.status, g.reaped = status, true
				close(g.ended)
			}
		}
		g.mu.Unlock()
	}
}

// awaitEnd waits until a child has ended, and does not reap it; false if there
// are no children.
func awaitEnd() bool {
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// children lists the guard's own children.
func children() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	self := strconv.AppendInt(nil, int64(os.Getpid()), 10)
	var out []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // It has ended.
		}
		// pid (name) state parent ...; the name may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && bytes.Equal(fields[1], self) {
			out = append(out, pid)
		}
	}
	return out
}
