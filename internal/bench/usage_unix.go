//go:build unix

package bench

import (
	"syscall"
	"time"
)

// cpuTime is what this process has used, in user and system mode.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0 // It cannot fail for the process itself (getrusage(2)).
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
