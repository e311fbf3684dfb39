// Package owners tells, in package sim, of three nodes that all want to own one
// log. A toy core shows every mistake of the runtime of package eventlog: it does
// not recognise an input that it is given twice, its state depends on where its
// events stand, and it owes events that only Advance pays. In TestSimLossy the log
// loses its tail, too. What is wrong is found by any reader's judgement of the log,
// by the fold of it, and by what receivers were sent.
//
// There is only test code here.
package owners
