// Package query answers questions about tasks, engines and pools from tasks.events
// alone, and about identifiers from ids.events. There is no server to ask: each answer is a fold that it makes itself, so
// read access to the topics suffices.
//
//	Tasks, Task      tasks and what happened to them
//	Engines, Pools   what can work, and by which settings
//	Why, WhatIf      why a task waits, and what would become of a request
//	Spaces, Space, Ranges, Identifier
//	                 what is granted of identifiers
//	Networks, AtSite what logical networks are to be, and how far a site is
//	Events           everything that counts, for folds of its caller
//	Record, Scan, Tail
//	                 records as they stand in a topic
//	Snapshots, Reset what a log can be folded from, and the way out if there is nothing
//
// It is where a core may be imported outside of its service: what waits, runs or
// is free is what services/scheduler/placement says, and of identifiers
// services/allocator/idspace, of networks services/manager/network and site. What a core does not remember
// (what happened to a task, how it ended long ago) is kept beside it by history, in
// the core's own view of a task. A list with a limit keeps the newest that match (page)
// and asks the core for what is live, so its memory is the core's own.
//
// An answer is a barrier read: everything that was in the log when it was asked is
// in it. With a moment (At) it is the fold of everything below an offset, or up to
// a time. Where the log's beginning is gone, a fold begins at a snapshot. It writes
// nothing, but for Reset, and keeps nothing between two answers.
package query
