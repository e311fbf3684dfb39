// Package engine is the stand-alone engine: a process that executes tasks of
// the kinds noop and exec, by embedding pkg/engine like any other program.
//
//	noop  does nothing and succeeds
//	exec  runs a command (package command) without a shell: only names from an
//	      allow-list, resolved once at start; its environment is what the task
//	      gives plus PATH; what it writes to standard output, up to 256 KiB, is
//	      the result, whose type says so if it was cut
//
// How an exec task fails:
//
//	EXIT_n      it ended with exit code n      } tried again under the
//	SIGNAL_n    a signal ended it              } task's retry policy
//	NOT_RUN     it could not be started        }
//	BAD_PAYLOAD, NOT_ALLOWED, BAD_DIR          final: no other try would do
//
// It reads and writes what pkg/engine does and keeps nothing. Nothing of a
// command outlives its task, nor the engine, even after kill -9: package guard.
// So the main of a program with this service calls MaybeGuard first.
package engine
