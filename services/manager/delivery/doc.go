// Package delivery brings what the global manager has decided to the local managers of sites. There
// is one Delivery for each site; they share nothing but the fold of network.changes, so a site that
// is down, slow or poisoned delays no other.
//
//	network.changes ─▶ fold ─┬─▶ feed ─▶ queue of the site
//	                         │             │ how far it is
//	                         └─▶ channel ◀─┘ ──▶ network.inbox ─▶ local manager
//	                               ▲                                   │
//	network.requests ◀─ relay ◀────┴───────────── network.status ◀─────┘
//	     (cluster of the global manager)              (cluster of the site)
//
// What is to be done next is decided without a clock and without I/O, by Feed, Channel and Relay,
// from what stands in the logs: how the site stands in the fold (network.Standing), what its queue
// says of itself (Held), and what its own log says (Seen). The loops of a Delivery take the steps.
// All runs a Delivery for each site that the fold has, while it has it; Service does so over Kafka,
// and Tenure while the global manager of this process owns the log.
//
// # The feed
//
//	the queue is of a newer term ─▶ end: another global manager has taken over
//	it holds entries of a term before ─▶ trim them: a full sync replaces them
//	the site has applied its head ─▶ trim through what is applied
//	its next number is not there ─▶ trim to before the first that is: applied, or dropped
//	entries are behind its end ─▶ enqueue them
//
// Entries go behind the end of the queue, in order and without a gap; the queue itself refuses
// what is not next (ADR 38). So a feed needs no memory, and two of them do no harm. An entry leaves
// the queue when the site has applied it, or when it will never be applied: it was dropped, and a
// full sync is due.
//
// A number that a lost log has used may be one that the queue will not take again. It is passed
// over in the queue, and the channel sends that entry all the same.
//
// # The channel
//
//	     ┌───────────────────────────────────────────────────────────────┐
//	     ▼                                                               │
//	entries behind what the site has, as many as the window lets through │
//	     │ a full sync is ordered                                        │
//	     ▼                                                               │
//	begin ─▶ segments ─▶ end ── the site has applied it ─────────────────┘
//	  ▲        │           │
//	  └────────┴───────────┴── refused, or in vain for too long: another attempt
//
// An entry is taken from the fold when it is sent, for it may be withdrawn or superseded since it
// was enqueued; then what is sent says that it is passed over. It is not sent before the queue has
// it. All of an attempt at a full sync is of one moment, under an ID that no other has.
//
// What the site does not come to have within Patience is sent again. A site that has lost what it
// had applied, and an entry that is larger than a record may be, or that the cluster of the site
// refuses, need a full sync: the channel asks for one. It also stops, and tells, when the site has more than the fold knows of: a term begins
// then.
//
// # The relay
//
// It tells the global manager how the site stands for as long as the fold does not show it. So a
// report that is lost is told again, and one that is known is not.
//
// # Invariants
//
//   - An entry is sent only if the queue has had it, or can never have it.
//   - The inbox gets nothing that the site must not have, whatever is sent twice or late: the local
//     manager applies the next entry of its term, and declines all others.
//   - What is taken out of the queue is applied, dropped, or of a term before.
//
// # Crashes
//
// Nothing is kept. The feed goes on at the end of the queue, the channel behind what the site's log
// says is applied, and a full sync that was on its way is begun anew. A trim is not fenced: that of
// a delivery that should have ended may take out entries of the new term whose numbers its own log
// had. They are sent all the same, from the fold.
package delivery
