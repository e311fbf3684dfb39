package bench

import (
	"runtime"
	"time"
)

// usage is what this process has used since it began, or since a moment.
type usage struct {
	cpu                time.Duration
	allocations, bytes uint64
}

// settled is the usage once what earlier runs left behind was collected, so that
// no run pays for another. Its memory is kept, as that of a process that runs for
// long: to be given fresh pages by the system is a cost of beginning.
func settled() usage {
	runtime.GC()
	runtime.GC() // What pools let go of at the first one.
	return measure()
}

func measure() usage {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{cpu: cpuTime(), allocations: m.Mallocs, bytes: m.TotalAlloc}
}

func (u usage) since(before usage) usage {
	return usage{u.cpu - before.cpu, u.allocations - before.allocations, u.bytes - before.bytes}
}
