// Package request says what a request for a task must be, without regard to any
// state: it fills in what the request leaves out, holds it against the bounds, and
// compiles its expressions. There is one copy of this check: the scheduler's core
// makes its tasks with it, and a client refuses with it what every scheduler would
// refuse, with the same code.
//
//	TaskRequested ──Checker──▶ Task, Expressions, or a *events.Malformed
//
// It is pure: it reads no topic, no clock and no state, so equal requests give
// equal tasks; whether notBefore is too far ahead is asked with the time (CheckAhead).
// Other commands are checked by Command. What names something is checked by
// events.CheckID, as everywhere. It keeps nothing but the cache of compiled expressions.
package request
