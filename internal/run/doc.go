// Package run is the wiring of whole processes: the few lines that `spanway
// serve`, `spanway dev`, the benchmark and the end-to-end tests share.
//
// Start brings up a system in one process, in the order in which its parts need
// each other, and Stop takes it down in the reverse order:
//
//	broker ─▶ topics ─▶ scheduler (owns every partition) ─▶ engines (registered) ─▶ ready
//	broker ◀─────────── scheduler (left its group)       ◀─ engines (drained)    ◀─ stop
//
// The order of stopping matters: engines hand back what they run while there is
// still a scheduler to note it, and services leave their groups before the
// brokers close, because an embedded broker would restore their dead members at
// the next start. All parts talk through the broker, as separate processes do.
package run
