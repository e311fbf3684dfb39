// Package site is the pure core of a local manager: a fold of network.status, and decisions
// on what comes in network.inbox and on how tasks end.
//
//	network.inbox ─┐                              ┌─▶ desired state ─▶ tasks that realise it
//	               ├─▶ Decide ─▶ network.status ──┤
//	ends of tasks ─┘                              └─▶ Report: what the channel tells of it
//
// # Entries
//
// An entry is applied if it is of the current term and the next in order. Whatever else comes
// changes nothing and is declined: one that was applied is REPEATED and thereby acknowledged
// again, one of a term before is OLDER_TERM, and any other is a GAP, which needs a full sync.
// So does an entry that cannot be read (BAD_ENTRY).
//
// # Full syncs
//
//	begin ──▶ segments, each once and in order ──▶ end: digest ──┬─▶ applied: the rest is swept
//	  ▲                                                          └─▶ BAD_SYNC
//	  └── another begin, by another ID: what was collected is dropped
//
// What is collected is nobody's state before the end. A full sync is of the current term or a
// later one, and never leads behind what is applied (STALE_SYNC). The site's own objects are
// not swept.
//
// # Realisation
//
//	wanted ≠ realised ──▶ task in flight ──┬─▶ realised
//	       ▲                               └─▶ failed ──▶ again, later and later
//	       └── drift was found
//
// A task whose end may have been deleted before it was read (network.ends_missed) has failed, as far
// as is known, and is cancelled: it may be at work still.
//
// Of each object one task at most is in flight. Definitions are realised before what refers to
// them, and removed after it. Where an object of the site's own has the same
// path, the policy of the type says which of the two is realised (network.PolicyOf).
//
// # Invariants
//
//   - What a site has that applied entry n of a term is the projection of the global state at
//     entry n; it never goes back.
//   - Of an object at most one task is in flight.
//   - What a task that ended has realised is what it was given, not what is wanted by now.
package site
