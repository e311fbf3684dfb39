// Package sim is a deterministic simulation of Spanway in one thread: nodes,
// logs, network and clock, all driven by one seed. What it runs is the
// production code: the runtime of package eventlog over the logs of memlog, and
// the pure cores. Only the ports are the simulator's own, and they pass every
// call through the hands of fate.
//
// A node's process is a coroutine. Each port call parks it, and the world's
// queue of timed actions decides when, and whether, it goes on:
//
//	process ── Append ──▶ parked ── copies delayed, dropped, doubled ──▶ log
//	   ▲                                                                  │
//	   └────────────── acknowledgement, late or lost ◀────────────────────┘
//
// A crash is a coroutine that never goes on: what it had sent may still arrive.
// A pause is one that goes on later and knows nothing of the time between, so a
// node may well believe that it owns a log which others own. A node that is
// muted hears, but nobody hears it. There is no other source of chance than the
// world's, no goroutine that runs beside another, and no clock: the same seed
// gives the same run, and a failure is replayed by
//
//	make sim SEED=N
//
// Two stories are told. In that of the owners (TestSimOwners, TestSimLossy) a toy
// core shows every mistake of the runtime. In that of the fleet (TestSimFleet) the
// cores of schedulers and engines place tasks in all ways that they may ask for:
// engines that accept some only, measure what is used and share nodes; tasks with
// predicates, preferences, limits, times, and tasks to come after; tenants with
// weights, reservations, and settings that change meanwhile. Schedulers hold next
// to no payload in memory. Who judges what:
//
//	package verify   G1 to G4 and G6, from the log alone
//	recount          the same choices without CEL, by the table that conditions were
//	                 taken from; besides preferences, reservations, dependents
//	checkRequests    what was accepted or refused, by what the client asked for
//	checkPublished   what receivers were told, by what counts
//	checkDelivered   what handlers were given, and when
//	checkCores       the hash of each scheduler's core, by the fold of the log
//
// Who of several tenants goes first is nobody's to judge from a log; only that all
// fold the same of it. TestSimFleetMeets fails if the story stops to have in it
// what is to be judged.
//
// Invariant: the order of actions is a function of the seed alone. Whoever adds
// to this package must not range over maps where order shows.
package sim
