// Package tasks judges partitions of tasks.events: from the records alone, it
// finds out whether the events that count (see package chain) keep the guarantees
// of docs/guarantees.md:
//
//	G1  an accepted task ends in exactly one terminal event, and its payload
//	    is not deleted before
//	G2  at most one result of a task is accepted, under the current token,
//	    which grows with every assignment
//	G3  at every prefix the needs of the unfinished attempts on an engine are
//	    within its allocatable capacity; an assignment's needs are also within
//	    what the engine's newest measurement leaves, and it finds fewer tasks of
//	    its limit key running than its limit
//	G4  every assignment satisfied its predicate on the engine view it names,
//	    on an engine that handles the kind, accepts the task, was there, was not
//	    draining and not reserved for a task that goes before; it came not before
//	    its time, nor before the tasks it is to run after had succeeded
//	G5  what only a newer version of the fold knows stands behind the raise to
//	    that version (that equal logs give equal states is for others to show:
//	    there is no state here)
//	G6  what package chain judges; besides, no engine was told of an assignment
//	    that does not count
//
// It shares no code with what it judges: the effect of each event is written here
// a second time, from wire.md. It imports the schemas, CEL and the hash, never a
// core. It reads nothing and asks nothing: the caller feeds it, in the order of
// offsets, every record of a partition from where it begins.
//
//	p := tasks.NewPartition("spanway.tasks.events", 3, tasks.Options{})
//	for each record { p.Feed(&record) }
//	report := p.Report()
//
// A report that was rejected as stale but is on an attempt that was never assigned
// is a finding: what is published before it counts shows in the log when an engine
// acts on it.
//
// Reservations are judged by the order that the log shows: acceptance time, or the
// time that the task must not be assigned before if that is later, less a minute
// for each level of priority, then acceptance. Which of several tenants goes first
// within a priority is a matter of fairness, which counts what each of them was
// given; so a reservation is judged between tasks of different priority or of one
// tenant only. What prefer gave, and whether a task waited too long, are no
// guarantees and not judged.
//
// Of a log whose beginning was deleted, tasks, engines and tokens of before are
// taken as they are met, with the benefit of the doubt: nothing is found that a
// sound past would excuse, and the report counts what could not be judged.
// Capacity is judged only of engines whose registration was seen.
//
// On the heap is what is open: tasks that have not ended, engines that are not gone, and
// what there is one of for each pool. What is over is remembered in a chain.Memory: tasks
// that ended, attempts, of a log without its beginning engines that are gone. With that
// of package spill, memory does not grow with the log, and nothing is forgotten.
//
// A pool that was imported of another site brings its tasks with it, once all parts are there
// and named (G1); they take part in all as if they had been accepted there and then, but for
// their place in order, which they keep. Tokens go on above all of theirs (G2), and tasks that
// ended there are not accepted again for a while. Of a pool that is placed at another site
// nothing is accepted or assigned here. What had not ended of it is forgotten once that site's
// pool is imported in turn. Whether the import is what the other log had is not judged.
//
// After a loss (LOSS, see package chain), reports on attempts that the lost records
// assigned are no owner's fault, and what is left is judged as any log is.
package tasks
