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
// muted receives, but what it sends is lost. There is no other source of chance than the
// world's, no goroutine that runs beside another, and no clock: the same seed
// gives the same run, and a failure is replayed by
//
//	make sim SEED=N
//
// Here is what all stories share: the world, nodes and processes, partitions, the
// ports of an owner, and how seeds are run. Each story is a package of its own,
// in which there is only test code:
//
//	owners   nodes that all want to own one log, with a toy core
//	fleet    schedulers and engines, with their production cores
//	shared   hosts that make calls to one shared log, which no host owns
//
// A story judges how it ended by what receivers saw and by the log alone, and is
// itself judged by mutants (see Mutant): builds with one rule taken out, which
// must not survive.
//
// To add one: write a package beside these, whose story implements Story, and
// run it with Seeds in a test whose name begins with TestSim.
//
// Invariant: the order of actions is a function of the seed alone. Code
// here and in the stories does not range over maps where order shows.
package sim
