// Package shared tells, in package sim, of hosts that make calls to one shared log
// (package sharedlog), which no host owns.
//
// Each host follows the log with the production follower and the production fold, around a
// toy core: entries with a bound, which refer to the log, claims whose leases end by the
// time of the log, and removals of which one counts. Its users make calls, do not wait for
// all of them, and ask later what became of those; the host appends a call again, as it
// is, until the fold has its verdict. Calls are dropped, delayed by more than the horizon,
// doubled, and land in another order than they were sent; acknowledgements are lost;
// records that are no calls stand between. Hosts crash, pause and go on, and lose what they
// send. Two hosts or more keep the log at once: they write snapshots, delete what those
// make superfluous, and move its time. So hosts begin at snapshots, and some were away
// while what they were to read next was deleted. In TestSimSharedLossy the log loses its
// tail, too, and hosts have folded beyond it.
//
// The judge reads the whole log, with what was deleted, by its own rule. Hosts at equal
// offsets had equal states; each user that was told a verdict was told that of the log;
// no call, and nothing that a user asked for, is accepted twice or after it was refused; no
// lease ends before its time; entries are neither lost nor made, and the log holds what
// they refer to; and in the end each user has an answer, and each lease has ended.
//
// What a host does with its calls, and when it keeps the log, is modelled here, because
// sharedlog.Host and its Keeper run in goroutines of their own. When the time is moved
// (sharedlog.Pace), and what housekeeping does, is production code, too.
//
// There is only test code here.
package shared
