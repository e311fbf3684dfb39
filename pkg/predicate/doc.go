// Package predicate is the front end for the expressions of placement, in CEL
// over one engine and one task: predicates, which are Boolean, and preferences,
// which are numbers. What an engine accepts is a predicate over the task alone.
//
// It needs no scheduler and no broker: a program that writes predicates checks
// them with Compile, and gets the refusal, with line and column, that a scheduler
// would give: it is the same code.
//
// It owns the list of attributes, the limits (text, nesting, cost), the cache of
// compiled expressions and the split into clauses that `why` reports. It reads
// and writes no topic and keeps no state but the cache, so a predicate's
// verdict is a pure function of its text and the attributes given.
//
//	text ──scan──▶ size and nesting ──cel──▶ parsed, checked ──inspect──▶ cost, reads ──▶ Predicate, Preference
//
// Invariants:
//   - Whatever the text, Compile returns: a bomb is refused by the scan in
//     microseconds, before any parser sees it.
//   - Evaluating is deterministic: nothing that iterates in random order, reads
//     a clock or a time zone passes Compile.
//   - An evaluation that ends in an error counts as false, and as the lowest of all
//     scores; the error is the reason.
package predicate
