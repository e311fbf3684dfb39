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
// If the guard itself is killed, Linux kills the command.
package guard
