// Package fleet tells, in package sim, of schedulers and engines with their
// production cores. They place tasks in all ways that may be asked for: engines
// that accept some only, measure what is used and share nodes; tasks with
// predicates, preferences, limits, times, and tasks to come after; tenants with
// weights, reservations, and settings that change meanwhile. Schedulers hold next
// to no payload in memory. What judges what:
//
//	package verify   G1 to G6, from the log alone
//	recount          the same choices without CEL, by the table that conditions were
//	                 taken from; besides preferences, reservations, dependents
//	checkRequests    what was accepted or refused, by what the client asked for
//	checkPublished   what receivers were told, by what counts
//	checkDelivered   what handlers were given, and when
//	checkCores       the hash of each scheduler's core, by the fold of the log
//
// The clocks of hosts jump, both ways, in stories of their own (clocks_test.go): no step
// ends a lease, and an engine that is killed registers at once, whatever its clock says.
//
// Which of several tenants goes first cannot be judged from a log; only that all
// fold the same of it. TestSimFleetMeets fails if the story stops to have in it
// what is to be judged.
//
// There is only test code here.
package fleet
