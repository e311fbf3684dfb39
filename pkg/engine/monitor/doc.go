// Package monitor measures what an engine's process uses, so that the scheduler
// places work by what is really left and not only by what was promised.
//
//	e, err := engine.New(engine.Config{
//		...
//		Allocatable: map[string]int64{"slots": 8, "memory_bytes": 16 << 30},
//		Terms:       engine.Terms{Monitor: monitor.New(monitor.Process)},
//	})
//
// It knows two dimensions. CPU ("cpu_millis") is CPU milliseconds per second,
// averaged over some seconds: 1,000 are one CPU. Memory ("memory_bytes") is what
// is resident. Where they are measured is the Source:
//
//	Process  the process and all of its descendants, such as commands that it
//	         runs. What is shared between them counts for each; what a process
//	         used after it was last looked at, when it ends, counts for nothing.
//	Cgroup   the cgroup (version 2) that the process is in, whatever else is in
//	         it: memory is memory.current less inactive_file, which the kernel
//	         takes back first; CPU counts what has ended, too.
//	Best     Cgroup if that has a limit of memory or CPU, as in a container,
//	         else Process.
//
// A Monitor owns no goroutine and writes nothing. It reads /proc or the cgroup's
// files whenever it is asked (once a second by an engine); what cannot be read is
// left out of the answer, and then counts as not measured.
package monitor
