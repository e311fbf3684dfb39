// Package idspace is the pure core of the log of identifiers: what a partition of
// ids.events has granted. It owns the rule by which every host accepts or refuses a
// grant, and the state that follows from it: who holds which range of a space, which
// ranges rest, which are free. It is a sharedlog.Core: no clock, no randomness, no I/O;
// equal calls give equal states.
//
// # The states of an identifier
//
//	              range_granted                range_released, end of the lease
//	never used ──────────────────▶ live ──────────────────────────────▶ resting
//	                                 ▲                                     │ quarantine ends
//	                                 │ range_granted                       ▼
//	                                 └─────────────────────────────────── free
//
// A space holds its identifiers as ranges, never one by one, so its cost depends on how
// many ranges there are, not on how large it is (up to 2^53). Each operation costs the
// logarithm of the number of ranges.
//
// # Which grant is accepted
//
// A grant is accepted if its space exists, its request ID has no grant, it has at most
// the space's maximal count, lies within the space's bounds, and is disjoint from all
// that is live or rests. Redis proposes where a grant goes; this rule decides. A request
// ID is remembered while a part of its grant is live or rests, and after that until
// MaxEnded others of its space have ended and rested: the same request again finds its
// grant (CodeAlreadyGranted, Space.Grant), or that it has ended (CodeGrantEnded); another
// one under the same ID is refused (CodeRequestMismatch). A request ID that is forgotten
// may be granted anew, and so is one that was refused: it names nothing.
//
// Grants that stand together in one record (ranges_granted) are accepted if each of them
// would be alone, all or none: so a batch has one envelope and one verdict. They are in the
// order of their identifiers, disjoint, each with a request ID of its own.
//
// # Time
//
// Leases and quarantine are measured in the time of the log (package sharedlog). Both
// begin at the first move of that time behind the record that they are of, because the
// time of the log stands still in between: they may last longer than asked, never
// shorter. Due asks for that move within a sixteenth of what is to begin.
//
// # Invariants
//
//   - No two ranges of a space overlap.
//   - free + live + resting is the size of the space.
//   - A range is granted again only after its quarantine, with a higher generation. Free
//     neighbours are one range, with the greater generation of the two.
//   - One request ID has at most one grant.
//   - A refused call changes nothing.
//   - A deleted space whose ranges rest is kept until they have rested. Declared again
//     before, it is the same space with new rules.
//
// # On a crash
//
// The state is a fold of the log: a host restores the newest snapshot and folds what
// follows. Nothing else is saved.
package idspace
