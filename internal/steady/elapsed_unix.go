//go:build linux || openbsd || darwin

package steady

import "golang.org/x/sys/unix"

func elapsed() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(counts, &t); err != nil {
		return monotonic() // Every time or never: a kernel has the clock, or has not.
	}
	return t.Nano()
}
