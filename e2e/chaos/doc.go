// Package chaos says what happens in a chaos run (make chaos), and judges what is left
// of it. The processes are those of package e2e: chaos_test.go there starts and hurts
// them.
//
// The plan. A seed decides everything that is random but the moments at which things
// happen in other processes:
//
//   - Producers send what Plan.Request makes: tasks with predicates, needs, priorities,
//     tenants, limits, dependencies, times before which they must not run, timeouts and
//     retries; some twice, some to the wrong partition, some malformed.
//   - Engines, dozens in several processes: the program fleet runs several in one, which
//     succeed, fail, hang and panic; stand-alone engines run commands.
//   - Schedulers: several, of which each owns some partitions.
//   - The adversary kills (-9), stops and continues any of these, restarts the broker,
//     moves clocks (internal/clockshift), cancels many tasks at once, and writes what
//     Plan.Foreign makes to every topic: garbage, text that is not UTF-8, wrong headers,
//     forged heartbeats, results and claims.
//
// The judge. When the adversary has stopped, everything must be decided within a bound.
// Then `spanway verify` must find nothing, and a Recount must agree, which knows nothing
// of the product's folds: it was told the coordinates (partition and offset) of every
// record that the broker acknowledged, and reads tasks.events as it is. It demands:
//
//   - Every acknowledged request was accepted, repeated, refused or forwarded by the very
//     batch that moved the input position past it.
//   - What was forwarded was decided on its own partition.
//   - Every accepted task was accepted once and ended once, or waits, with a reason
//     (which the run asks `spanway task why` for).
package chaos
