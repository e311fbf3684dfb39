// Package networks judges the logs of logical networks together: what every site should have
// had by network.changes, and what it had by its own network.status.
//
//	G11  the state of a site converges to the projection of the global state on it: behind
//	     each entry that a site has applied, it has what it must have by the changes of its
//	     entries up to that one; entries are applied in order, each once; and an object has
//	     one task in flight at most
//
// Feed all of network.changes to a Changes first: its History says, for each site, by how
// each of its entries changes what the site must have. Then a Status judges the log of a site
// against it. Without a History it judges what that log says alone: order, full syncs by their
// digests, and tasks.
//
// An entry that is passed over (withdrawn, or superseded) leaves a difference in what it was
// about, until a later entry takes it away. The last one must leave none.
//
// Where each object must be is found out here a second time, by looking at all objects; what
// a change moves is taken from package network of pkg, and both are compared again and again.
//
// What a site has of entries that network.changes does not know is of a log that was lost, if
// a later term has begun since: it is counted, and what the site has is not compared until its
// next full sync. If none has, acknowledged changes are gone: that is LOSS.
//
// A promotion that imports what another global manager has decided begins anew with that, as a log
// of which the end was lost does. Where a site follows a global manager that was promoted
// elsewhere, what it has applied of that one is judged with the log of that one.
//
// Of a log of changes whose beginning was deleted nothing is known of what sites must have had.
package networks
