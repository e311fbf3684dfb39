// Package allocator is the service that grants identifiers. Several of them may serve the
// same spaces at once.
//
// Topics in: ids.requests, commands, partitioned by request ID, shared out by the consumer
// group <prefix>allocator. Topics in and out: ids.events, the shared log of grants
// (package idspace is its core), partitioned by space; its snapshots. Topics out:
// deadletter, what cannot be read and names nothing that could be answered.
//
// # A request for a range
//
//	ids.requests ─▶ read, combined with others of its space ─▶ proposed (Redis, one change)
//	                       ▲                                   │
//	                       │ refused: overlaps                 ▼
//	                       │ Redis is filled from the fold  range_granted, a call
//	                       └───────────────────────────────────┤ the fold accepts it
//	                                                           ▼
//	          acknowledged to the group ◀── in the log ◀── ids.answered
//
// Redis proposes, the log disposes: what Redis holds (package store) decides nothing. A
// proposal that the fold refuses because it overlaps is followed by another one, under a
// new call ID. A request ID that has a grant is answered with that grant. All other
// commands (spaces, reservations, renewals, releases) are calls, and what the fold says is
// the answer.
//
// # Invariants
//
//   - Nothing is answered before the fold has decided it.
//   - A request is acknowledged only when its answer is in the log, or it is a dead letter.
//   - Commands of one request ID are handled in their order, but for those that stand
//     beside others in one record.
//   - Requests are deleted only behind what the group has committed.
//
// # What becomes free
//
// The next proposal for a space tells Redis what has become free in the fold since it was
// told last, by the offset up to which that was. So several allocators tell each range
// once, and one that Redis forgot is noticed.
//
// # When Redis forgets
//
// Its proposals overlap, or it holds nothing of a space: Redis is filled from the fold and
// the allocator goes on. The reconciler returns what Redis holds and the log does not,
// when it has seen it twice. While Redis cannot be reached, requests for ranges wait for
// some seconds and are then refused with STORE_UNAVAILABLE; the same request may be made
// again.
//
// # What stands together
//
// A batch costs the broker and Redis about the same, however large it is. So what comes
// together stays together: the messages that wait are read by one goroutine (intake), the
// grants of one change of Redis are one call (ranges_granted; where it is refused each is
// called alone), and all that is decided in one page of the log is answered in one batch
// (answers), in one record if the requests stood beside others (ranges_requested).
//
// # On a crash
//
// Requests that were not acknowledged come again, to this process or another: one that
// was granted finds its grant by its request ID. A renewal or a release that was decided
// and not answered is decided again, so a release may then be answered GRANT_ENDED. An allocator that is told to
// end answers what it has taken first, unless that takes more than some seconds.
package allocator
