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
//	go test ./internal/sim -run TestSim -seed N
//
// Invariant: the order of actions is a function of the seed alone. Whoever adds
// to this package must not range over maps where order shows.
package sim
