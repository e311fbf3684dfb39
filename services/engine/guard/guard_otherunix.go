//go:build unix && !linux

package guard

import "syscall"

// becomeReaper does nothing: only Linux lets a process adopt its orphaned
// descendants.
func becomeReaper() {}

// pairs: a second guard could adopt nothing.
const pairs = false

func startInner() (int, error) { return 0, syscall.ENOSYS }

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// reap waits for the command and kills what is left of its group.
func (g *guarded) reap() {
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(g.main, &status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	syscall.Kill(-g.main, syscall.SIGKILL) //nolint:errcheck // Most often nothing is left.
	g.status, g.reaped = status, true
	close(g.ended)
}

func children() []int { return nil }
