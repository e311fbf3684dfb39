// Package network is the model of logical networks: objects with paths, what refers to
// what, which sites each of them covers, and what each site must have. It is pure: no
// clock, no I/O, no randomness.
//
//	objects, sites ──▶ State ──┬─▶ Check(change) ─▶ mistakes: it is refused as a whole
//	                           ├─▶ Apply(change) ─▶ what each site gets of it, in order
//	                           ├─▶ Project(site) ─▶ what the site must have, in order
//	                           └─▶ Compare       ─▶ how two sets of objects differ
//
// # Objects
//
// A path says the type: /networks/shop is a network, /networks/shop/segments/web a segment
// in it. Segments, routers, groups, rules and chains refer to others by path, within a
// network or across; the network that an object is in is referred to as well. References
// make no cycles.
//
// # Spans
//
// A span names sites, selects them by their labels, or both. Without one a network is where
// its objects are, a group is where what refers to it is, and any other object is where its
// network's own span says. Whatever the spans say, what is referred to is at every site
// that what refers to it is at: what an object's own span says and where it is needed are
// united.
//
// # Invariants
//
//   - A State has no dangling reference and no cycle, if only what Check finds nothing
//     wrong with is applied. Each mistake has its path and its pointer.
//   - What a site had, and then gets of each change, is what Project says. At each step of it
//     nothing is at the site whose references are not.
//   - Project is closed under references, and has definitions before what refers to them.
//   - An Object is changed by nobody, and shared by all that have it.
//   - Two projections have the same Digest iff they are equal, but for chance (64 bits),
//     in whatever order.
package network
