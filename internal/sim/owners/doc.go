// Package owners tells, in package sim, of three nodes that all want to own one
// log. A toy core shows every mistake of the runtime of package eventlog: it does
// not recognise an input that it is given twice, its state depends on where its
// events stand, and it owes events that only Advance pays. In TestSimLossy the log
// loses its tail, too. What is wrong is found by any reader's judgement of the log,
// by the fold of it, and by what receivers were sent.
//
// Followers live on through all of it: they pause, the broker is away now and then,
// connections break, truncation overtakes them, and what they have read is lost. They
// only read, and draw from a source of chance of their own, so the owners do what
// they would do without them. Whenever one has read a page, its fold must be that of
// the log as it was then, however much of that was lost since; in the end it agrees
// with a reader that begins then.
//
// In TestSimHeldBack partitions have no room at times. In TestSimChain the log is the
// input of other nodes, which own a second log.
//
// There is only test code here.
package owners
