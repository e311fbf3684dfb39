// Package manager runs the managers of logical networks: the global one, which decides
// changes, and the local one of a site, which realises there what it is sent. Here are their
// shells around the pure cores in packages network and site; package logowner runs the owners.
//
// # The local manager
//
//	network.inbox ────────────┐                      ┌─▶ tasks.requests ─▶ scheduler ─▶ engine
//	tasks.events, its ends ───┴─▶ network.status ────┤                                    │
//	      ▲                                          └─▶ read by channels and people      │
//	      └───────────────────────────────────────────────────────────────────────────────┘
//
// It owns network.status of its site, which has one partition: of several processes one works,
// and another goes on when that ends. In: network.inbox (entries, full syncs, requests for the
// site's own objects, what realisers found), deleted when it is folded; and all partitions of
// tasks.events, of which only what counts is read, and of that only how its own tasks ended:
// the pool may be changed while tasks are in flight. Out: tasks.requests, keyed by pool.
// The topics of tasks are the scheduler's. Without them a local manager waits and says so.
//
// Its tasks have the IDs network/SITE/NUMBER, in whatever pool. Nobody else may use those. How a
// task ended is believed of tasks.events only, never of the inbox.
//
// # The global manager
//
//	network.requests ─▶ network.changes ─▶ Delivery ─▶ inboxes of sites
//
// It owns network.changes, which has one partition, too. In: network.requests (commands, and
// what was seen of sites), deleted when it is folded. Out: nothing. What sites get follows from
// the fold, and a Delivery takes it from there: it is told of the log while this process owns
// it. Without one, changes are decided and nobody gets them.
//
// # Crashes
//
// Nothing needs to be saved. All state is a fold; with each batch stand the positions of the
// inputs, and a task is submitted once network.realising counts. Whoever owns the log next
// submits again what may not have been, under the same ID, which is then the same task. What
// was in flight goes on, and its end is read by whoever owns the log by then. A request of the
// global manager is decided once, by its ID.
package manager
