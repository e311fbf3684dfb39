// Package audit tells whether what stands in one cluster is a true copy of what stands in
// another, and which offset there is which offset here. It shares no code with what makes
// copies; package compare, its core, judges.
//
// A Follower audits a partition window by window while it is copied, behind the copying.
//
// A Pair is a topic and its copy. It audits a partition, or all; translates offsets, with
// the two records as proof; and carries the offsets of consumer groups over.
//
// Topics: it reads the two of the Pair, the source first and only what is committed, then what
// replication.checkpoints says of what was declared, and writes to none. Of the target cluster it commits offsets of groups that have no members,
// when it is asked to.
//
// # Offsets
//
// Within a generation the origins in a target rise, and generations rise, so that a place
// is found by binary search. Records of other writers are passed over. What a consumer has
// not read of the source it will not have read of the target: a position is that of the
// first copy at or behind the committed offset, or behind the newest copy, if there is none
// yet. Where the source has copies of the target's own records (Config.BothWays) these count
// by their originals.
//
// # On a crash
//
// Nothing is kept: an audit begins anew.
package audit
