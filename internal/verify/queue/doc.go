// Package queue judges the log of a queue, offline: from its records alone it decides every
// call a second time, by code of its own, and finds out whether the queue kept G8 of
// docs/guarantees.md:
//
//	G8    the ordering is that of the first accepted enqueues; an entry is taken out
//	      by exactly one call, and never returns; an entry has one claim; a call ID names
//	      one call; what hosts told (Told, Ordering) is what the log says
//	LOSS  a record was made by a writer that had seen more than the log held: the log has
//	      lost its tail
//
// Which records are calls, and what is a copy of what, package calls says. No code is shared
// with package order, which is judged: the rules are written here a second time, from
// docs/wire.md and the comments of the schemas, in another way: what was removed is
// remembered exactly, not by windows or intervals. The package reads nothing and asks
// nothing: the caller feeds it every record in the order of offsets.
//
//	p := queue.NewPartition("spanway.queue.orders", queue.Options{})
//	for each record { p.Feed(&record) }
//	report := p.Report()
//
// A log whose beginning was deleted says nothing of what it held then: of it, only the
// LOSS is judged, and that a call ID names one call.
//
// On the heap are the entries that are held, and the calls of the last 1,000,000 offsets. What
// is over is remembered in a chain.Memory; with that of package spill, memory does not grow
// with the log.
package queue
