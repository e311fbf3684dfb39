// Package engine is the stand-alone engine: a process that executes tasks of
// the kinds noop, exec and http, by embedding pkg/engine like any other program.
//
//	noop  does nothing and succeeds
//	exec  runs a command (package command) without a shell: only what is on an
//	      allow-list, resolved once at start: a name, which allows any arguments,
//	      or a whole command, which allows no others, no environment and no
//	      directory of the task's. Its environment is what the task gives plus
//	      PATH; what it writes to standard output, up to 256 KiB, is
//	      the result, whose type says so if it was cut. What it writes is also
//	      passed on while it runs, but for the standard output of one that ends
//	      within 250 ms: that is in the result
//	http  sends one request (package call) to where the engine's list allows, and
//	      follows redirects within it; only if it has a list. Its result is the
//	      status, some headers and the body, 256 KiB in all
//
// How a task fails:
//
//	EXIT_n        it ended with exit code n       } tried again under the
//	SIGNAL_n      a signal ended it               } task's retry policy
//	NOT_RUN       it could not be started         }; final if its arguments
//	              and environment are too long
//	HTTP_n        status n, if not expected; final for what is the request's fault
//	HTTP_TIMEOUT, UNREACHABLE                     } tried again
//	BAD_PAYLOAD, NOT_ALLOWED, BAD_DIR, TOO_MANY_REDIRECTS
//	                                              final: no other try would do
//
// It reads and writes what pkg/engine does and keeps nothing. Nothing of a
// command outlives its task, nor the engine, even after kill -9: package guard.
// So the main of a program with this service calls MaybeGuard first. A request
// that was sent when the engine dies may be sent again by another: attempts
// happen at least once.
//
// Where it has capacity in memory_bytes or cpu_millis it measures what is used
// (package monitor of pkg/engine), which the scheduler counts against new work.
package engine
