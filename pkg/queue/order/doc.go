// Package order is the pure core of a queue: a sharedlog.Core that makes of the calls of a
// queue's log the ordering of its entries, their claims, and the memory of what was removed.
// It owns the rules; package queue owns the log, the clock and the answers. In: the queue.*
// records of <prefix>queue.<name>. Out: verdicts, and Changes for what watches.
//
// # An entry
//
//	            enqueued            claimed
//	unknown ───────────────▶ free ───────────▶ claimed
//	                          │ ▲                │  │
//	                          │ └── released, ───┘  │
//	                          │     lease ended     │
//	                          ▼ removed             ▼ done, removed
//	                        removed, for ever
//
// Its place is its sequence number: the offset of the record that put it in. The ordering
// is all entries by sequence number. Nothing but removal changes it, and an ID that was
// removed never comes back.
//
// # Leases
//
// The lease of a claim begins with the first move of the time of the log after the claim,
// and ends with the first move to its end or beyond. What a claim was made on may be an old
// time; counted from there it could end early. Due asks for a move within a second
// after the last one while a lease has not begun, so a lease lasts about a second longer
// than asked at most, and never shorter, while a host is there to move the time.
//
// # Which IDs were removed
//
// By the kind of the queue's IDs: of callers' IDs the first 16 bytes of the SHA-256, for
// ever; of UUIDs of version 7 the same, by the minute that the UUID names, for a day
// before the newest minute that was seen, and older UUIDs are refused; of numbers of a space
// the intervals that they make up; of a sequence only the last one.
//
// # A sequence
//
// Where the IDs are a sequence (Sequence), TERM-NUMBER, an entry is put in only if its number is
// the next one, and its term not below that of the last. So numbers and terms grow along the
// ordering, all numbers up to the last are used, and what is held up to a number are the first
// entries: a trim takes them out, and uses up the numbers to there.
//
// # A part
//
// Parts folds calls into a state that stands in a file: it takes out what the calls look
// at, which a Queue folds as it would the whole, and merges that back.
//
// # Invariants
//
//   - Equal calls give equal states, and equal states give equal bytes.
//   - A refused call changes nothing.
//   - A state that is folded in parts is, byte for byte, one that is held.
//   - Sequence numbers survive snapshots.
//   - Entries and bytes are those of the entries that are held; each is counted once.
//   - An entry has at most one claim; the token of a later one is greater.
//   - Of a sequence, each number is put in once or trimmed, in order; terms do not fall.
//
// # Cost
//
// Entries(after, limit) is O(log n + limit) whatever was removed, the first entry that is
// free O(log n), a call O(log n). About 120 bytes for each entry with an ID of 36 bytes
// and 18 for each removed ID; payloads stay in the log.
package order
