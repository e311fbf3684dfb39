package steady

import "golang.org/x/sys/unix"

// counts is the clock that goes on while the machine sleeps; CLOCK_UPTIME_RAW, which Go
// reads, stands still.
const counts = unix.CLOCK_MONOTONIC
