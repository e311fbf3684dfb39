// Package guard runs a command so that nothing of it outlives its task, not
// even when the engine is killed with kill -9.
//
// Between engine and command stands a guard: the engine's own binary, executed
// again with a hidden first argument. Every main that runs commands therefore
// calls MaybeRun first.
//
//	engine --starts--> guard --starts--> command, in a session of its own
//	   |  control pipe   ^                  \-- its children, wherever they went
//	   +----- job -------+
//	   +-- end of file --> the engine is dead, or wants it stopped: SIGTERM to
//	                       all, and SIGKILL a second later to what is left
//	   <---- status -------+ once nothing of the command is left
//
// The guard keeps nothing and owns no topic. On Linux it is the reaper of its
// descendants, so that a grandchild that left the process group or made a
// session of its own comes back to it when its parent ends; whatever is left
// when the command ends is killed too. On other Unix systems it kills the
// process group; elsewhere there is no guard, and the command alone is killed.
//
// On Linux a guard is a pair, since it may be killed itself (by hand, or for want of
// memory). The engine starts the outer one, that the inner one, that the command. If
// the inner one is killed, the kernel kills the command, and what else it left comes to
// the outer one, which ends it as above. If the outer one is killed, the inner one is
// told by SIGTERM and ends all. In both cases nothing is left some two seconds later,
// and Run returns an error. What is left open: both are killed at once; and, on other
// systems than Linux (macOS, the BSDs), the one guard is: then the command and all of
// it lives on, as what made a session of its own does there in any case. A PID
// namespace or a cgroup would close that gap, but needs rights that an engine in a
// container mostly lacks, and shows the command another world.
package guard
