// Package replication says which topics of other clusters a site copies. There is no
// service to ask: each process that opens a Site folds <prefix>replication.links, a shared
// log (package sharedlog), and all are equal. The site's replicators (services/replicator)
// follow it, and do the work.
//
//	site, err := replication.Open(ctx, cluster, replication.Options{Create: true})
//	link, err := site.Apply(ctx, replication.Spec{Name: "orders", Source: "ams", Include: []string{"orders\\..*"}}, replication.Any)
//	err = site.Pause(ctx, "orders", "upgrade")
//	err = site.Watch(ctx, func(s replication.State) error { ... })  // all of it, on each change
//	standing, err := replication.ReadStatus(ctx, cluster, prefix)   // how links and copies stand
//
// And an application says which of its topics it wants copied, in its own cluster:
//
//	err := replication.Announce(ctx, cluster, replication.Options{}, replication.Application{Name: "shop", Topics: []string{"orders"}})
//
// # Topics
//
// In and out: <prefix>replication.links of the site; <prefix>replication.applications of
// the source. In: <prefix>replication.status. The last two are tables: the newest record of
// each key counts.
//
// # Answers
//
// A verdict comes from the fold of the log, never from an acknowledgement of the broker. A
// refusal is a *Refused, which says what to do; compare it with ErrUnknownLink and its like.
// If a context ends before the verdict is known the error wraps a *sharedlog.UnknownError.
// All calls but Resume with Restart may simply be made again then.
//
// # Invariants
//
//   - Every process sees the same links with the same revisions.
//   - Of several that change a link at the revision that they have seen, one succeeds.
//   - What is announced is whole: the newest announcement of an application replaces those
//     before it.
//
// # On a crash
//
// A call that was on its way is in the log whole or not at all.
package replication
