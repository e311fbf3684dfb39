// Package run is the wiring of whole processes: the few lines that `spanway
// serve`, `spanway dev`, the benchmark and the end-to-end tests share.
//
// Start brings up a system in one process, and Stop takes it down. A system has
// one site or several, and each site a cluster, a scheduler and engines of its own.
// The parts start side by side, each when what it needs is ready, and stop side by
// side, each when what needs it has stopped:
//
//	start ─▶ broker ─▶ topics ─▶ scheduler (owns every partition) ─▶ engines (registered) ─▶ ready
//	      ◀─ broker ◀─────────── scheduler (left its group)       ◀─ engines (drained)    ◀─ stop
//
// The order of stopping matters: engines hand back what they run while there is
// still a scheduler to note it, and services leave their groups before the
// brokers close, because an embedded broker would restore their dead members at
// the next start. All parts talk through the broker, as separate processes do.
//
// A service that ends by itself is started again, later each time, while all others go on: the
// log says so at once, and readiness while it is down. A fault of configuration (topics that are
// not as they must be, a log that is a copy, missing rights) ends the system with an error that
// names the part and its site, as do a broker that stops and any end before all was ready. An
// engine whose ID another process has taken is out, and is not started again.
//
// The data of an only site is in the data directory itself, that of several in a
// directory of each one's name in it; a directory of the other kind is refused. A
// cluster's ID is made when its data begins and kept with it. After a crash each
// site finds what its broker had acknowledged.
package run
