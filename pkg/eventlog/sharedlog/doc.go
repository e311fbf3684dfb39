// Package sharedlog implements logs with many writers and no owner: queues, and grants
// of identifiers. It owns the rule by which every host decides, from the order of the
// records alone, which calls of a shared log are accepted (docs/wire.md, "Shared logs"),
// the fold that applies the rule, and the host that makes calls and answers them.
//
// # A call
//
//	          append, unknown: the same bytes again
//	made ────────────────────────────────────────────▶ in the log ─────▶ decided
//	 │                                                                     │ accepted, or
//	 │  the context ends                                                   ▼ refused with a code
//	 └───────────────▶ *UnknownError: Resolve tells, or the same call again
//
// A call is one record: a message, a call ID of 16 random bytes, and seen, the offset
// below which its writer had folded the log. The first record with a call ID decides,
// for ever: a later one with the same ID is a copy and changes nothing, also where the
// first was refused. So a call whose outcome is unknown is appended again as it is, and
// never under another ID. A record that stands more than Horizon offsets behind its seen
// is refused by all (TOO_LATE), so that call IDs need to be remembered for Horizon
// offsets only. The verdict comes from the fold. An acknowledgement of the broker says
// that the record is kept; it says nothing of the verdict.
//
// # The core and the fold
//
// A Core is the pure core of one kind of log. Fold wraps it: it remembers calls,
// refuses copies and late records, keeps the time of the log, and hands each call that is
// left to the core. A Fold is an eventlog.Fold: a Follower keeps it up to date, and
// snapshots hold all of it: the calls, the time, and the state of the core.
//
// # A host
//
//	       Start              one batch in flight         acknowledged: waits for the fold
//	call ─────────▶ queued ───────────────────────▶ sent ─────────────────────────▶ decided
//	                  ▲                               │ unknown, or missing in the log:
//	                  └─────────── same bytes ────────┘ again
//
// One goroutine follows the log and one appends; calls that wait while a batch is in
// flight are appended together. While a page is folded the next one is fetched, if it is
// there. A call is appended again as it is while its outcome is
// unknown, when the log does not hold it although it was acknowledged, and when the fold
// begins anew because the log has lost its tail. It ends with the verdict of the fold;
// with an *UnknownError when its caller waits no longer, or when it had seen what is
// lost; or with the broker's refusal of its record alone. Reads and watchers see the fold
// between two records; a read with a barrier has folded all that was in the log when it
// began. Whatever is tried again is told by package trouble.
//
// # Time
//
// The time of a log is a number of milliseconds that begins at 0 and moves by records
// of type log.time_passed alone: {from, to} counts if from is the time of the log, so of
// several hosts which move it on one does. A Keeper measures, by a clock that no setting
// of the time of day moves, how long it is since its host folded the last one, and
// appends the next when something is due, and in steps until then, so that a keeper which
// takes its place forgets little. What ends by time (a lease, a quarantine) ends
// in the fold of that record, at every host alike. A core lets it begin with the first
// move behind the call that asks for it, and reports that as due soon: the time of the
// log may be far behind at the call, and what counted from there would end too early.
// While no host is there to move it, time stands still: a lease may last longer than
// asked, never shorter.
//
// # A state in a file
//
// A FileFold is a fold for what reads a log once, such as a command that lists a queue. The
// state stands in a file as a snapshot holds it. Calls are collected until they take about
// Window bytes. One pass over the file takes out what they look at: call IDs that are
// repeated, and what the core's Parts says. A Fold decides the calls on that part, and
// another pass writes the file anew. So its memory follows the window, and its time, of a
// long log without snapshots, how often the window is full times the size of the state.
//
// # A keeper
//
// Of each partition one host is to write snapshots, delete what they make superfluous and
// move the time: the one that the consumer group <prefix>snapshots.<topic> names (package
// loghost joins it). Nothing depends on there being only one.
//
// Before a snapshot is written the last thousands of records that it holds are read again, and
// must be the same: a keeper follows the log, and notices a greater loss by that. So a snapshot
// costs no second reading of the log.
//
// # Invariants
//
//   - Equal logs give equal verdicts and equal states, at every host.
//   - A call is accepted at most once, whatever is repeated, delayed or doubled.
//   - A refused call changes nothing but what is remembered of it.
//   - A verdict is given out only when the fold has it.
//   - Snapshots and truncation change no verdict: a snapshot holds every call ID that
//     a record which is not refused as late can still repeat.
//   - Time moves forward only, and no faster than the clock of one host.
//   - A record whose writer had seen more than the log holds decides nothing.
//   - A call that the broker does not take fails alone.
//
// # On a crash
//
// Nothing is saved but the log and its snapshots. A host that starts folds the newest
// snapshot and what follows. Calls that were on their way may be in the log or not: a
// caller that is gone does not wait for them; what they did is in the fold.
package sharedlog
