package redistest

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel kill the process when the test binary dies.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
