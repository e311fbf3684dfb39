// Package network is the pure core of the global manager: a fold of network.changes, and
// decisions on what comes in network.requests.
//
//	network.requests ─▶ Decide ─▶ network.changes ─▶ fold ─┬─▶ Entry(site, n): what a site gets
//	                     (all of a change, or nothing)     └─▶ Sync(site): all that it must have
//
// # Queues
//
// What a site gets of a change follows from the fold: its entries are numbered, also across
// terms, and each names the one before it. A number is left out only where a full sync is due. The core remembers those that the site has
// not reported as applied; a delivery appends them to the site's queue behind what the queue's
// tail names, so it may be killed at any time.
//
// An entry that a newer one of the same site replaces wholly is SUPERSEDED, one of a change
// that was withdrawn WITHDRAWN, if nothing behind it needs what it brings. Both keep their
// numbers, and are sent as entries that are passed over. What replaces them brings all that
// they would have: a site that had already applied one ends in the same state.
//
// More than MaxPending entries of a site are dropped, all of them, and a full sync is ordered. By
// when the site should have had each of them is kept until it has: what is late is told all the
// same, also behind the beginning of a new term.
//
// # States of a site
//
//	added ──▶ full sync ordered ──▶ in step ──▶ retired
//	               ▲                   │
//	               └── overflow, gap, request, new term
//
// # Invariants
//
//   - A site outside of the spans before and after a change gets nothing of it.
//   - What a site has that applied entry n is what it must have by the events that made
//     entries 1 to n: also if it began with a full sync of base m ≤ n.
//   - What a site reports moves its progress forward only, and only in the current term.
//   - A request ID is decided once, while it is among the latest MaxRequests.
//
// # Lost ends
//
// A log that lost its end is taken over in a new term. A site that has more than the log knows
// of begins one, too. What must not be lost is the beginning of a term that sites have followed:
// the same term would begin again, which is found only where a site has more entries or full
// syncs of it.
//
// # Promotion
//
//	the log of a site that is lost ─▶ copy ─▶ Parts ─▶ import_requested ... promote_requested
//	                                                     └─▶ imported ...      └─▶ promoted
//
// A global manager that has decided nothing, or was replaced, imports what the copy of another
// one's log holds: sites with the numbers of their entries, objects with their revisions, the
// IDs of requests. What is imported counts together, when network.promoted names it, or not at
// all: an import that was cut short is dropped by the next one. The log here is one of its own:
// neither positions of the other cluster's inputs are in it, nor can a claim of the other owner
// that comes late. Changes of before cannot be withdrawn here.
//
// The term of an import is the first of the next era, beyond all that the other global manager
// can begin by itself. Each site gets a full sync in it, which undoes what the other one had
// sent and the copy lacks; and its local manager refuses the terms before. A global manager to
// which a site of a later era is reported was replaced: it decides nothing more and sends
// nothing. A new term of the same era is another matter: its log has lost its end.
//
//	deciding ──▶ replaced ──▶ importing ──▶ deciding, in a later era
//
// # Crashes
//
// All state is folded. Whoever owns the log next decides from where it ends.
package network
