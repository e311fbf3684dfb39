// Package links is the pure core of what a site copies: a sharedlog.Core that makes of the
// calls of <prefix>replication.links the site's links and groups. It owns the rules; package
// replication owns the log and the answers, and services/replicator does the work. In: the
// replication.link_* and replication.group_* records. Out: verdicts.
//
// # A link
//
//	          declared            paused
//	unknown ───────────▶ active ─────────▶ paused
//	   ▲                  │  ▲ ◀────────── │  ▲
//	   └──── deleted ─────┘  └─ declared   │  └─ declared
//	   └──────────────── deleted ──────────┘      resumed: paused ─▶ active
//
// A link is declared whole; declaring it again replaces what it says, and keeps whether it
// is paused. Its revision is the offset behind the record that changed it last: a caller that
// names the revision which it has seen is refused if there is another one now.
//
// A fail-over pauses the link with its number: its site is the one that is written to from
// then on. The pause ends as any other does.
//
// # Resumptions
//
// What an operator has said of copies that have stopped stays with the link, one Resumption
// for each topic and partition: from which generation and offset to begin anew, and up to
// where records of others in the target are no reason to stop. Each restart has a generation
// that is 65,536 higher than that of the restart before it at the site, and so is above those
// that copies have counted up to themselves. They are dropped when the link gets another
// source or prefix, for they are of other topics then.
//
// # Invariants
//
//   - Equal calls give equal states, and equal states give equal bytes.
//   - A refused call changes nothing.
//   - No two links say the same of the same source: they would copy each record twice.
//   - What is held is bounded: see the constants.
//
// Whether a pattern compiles decides no call: that depends on the version of Go, and hosts
// of several versions fold one log. Spec.Check tells it to callers, and a replicator shows a
// link with a bad pattern as failed.
package links
