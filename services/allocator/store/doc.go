// Package store is the allocator's identifier storage: a hash in Redis for each space,
// from which ranges are proposed. What it holds is a hint. The log of grants decides
// (package idspace), so Redis may be empty, old, evicted or replaced at any time: a
// proposal that overlaps a grant is refused by the fold, and Fill brings Redis up to the
// fold.
//
// # What Redis holds
//
//	<prefix>ids.{SPACE}    a hash, without a time to live
//	    next               the first identifier that was never proposed
//	    free               ranges below it that can be proposed: "1-5,9-9", at most MaxFree
//	    r:REQUEST_ID       what was proposed for a request and is not known to be granted
//
// All of a space is in one key, so a file of Redis that was torn by a crash holds either
// all of a change or nothing of it, and all of it is in one slot of a cluster.
//
// # One change
//
//	WATCH ──▶ read ──▶ compute ──▶ MULTI, HSET/HDEL, EXEC ──▶ done
//	  ▲                                 │ nil: a conflict, after a random pause
//	  └─────────────────────────────────┤
//	  └─ reads the request IDs back ◀───┘ no reply: the outcome is unknown
//
// WATCH and what reads are sent together, but to a cluster.
//
// Computing is a pure function of what was read: it may run more than once, and nothing
// outside of it changes. A proposal is stored under its request ID in the same EXEC. So
// after a lost reply the same change is made again from its beginning: it reads the
// request ID back, and proposes what it had proposed.
//
// # Invariants
//
//   - Two requests are never proposed overlapping ranges while Redis keeps what it
//     acknowledged.
//   - A request for which something is stored is proposed the same, until the log has
//     granted or refused it.
//   - next never becomes lower.
//   - What the log frees is made free once, by whichever store comes first (at).
//
// # On a crash
//
// What was proposed and not granted stays under its request ID. The allocator's
// reconciler returns it when it has seen it twice (Holds, Return).
package store
