//go:build linux || openbsd

package steady

import "golang.org/x/sys/unix"

// counts is the clock that goes on while the machine sleeps; CLOCK_MONOTONIC, which Go
// reads, stands still.
const counts = unix.CLOCK_BOOTTIME
