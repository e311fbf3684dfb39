// Package spaces judges ids.events: from the records of a partition alone, it finds out
// which grants of identifiers were accepted, and whether what requesters were told
// (ids.answered) is what the log says.
//
//	G9  no identifier is granted twice while it is live or rests: a requester was told
//	    of a range that the log does not give it, because it overlaps another one, was
//	    reused before its quarantine ended, lies beyond the bounds of its space, or was
//	    never proposed; or of another owner, other identifiers, or a lower generation
//
// A proposal that is refused is no finding: that is what the rule is for, when Redis
// forgets. It is counted by its code. A finding is an answer that does not follow from the
// log, so it finds an allocator that answers before the fold has accepted, or by a fold
// without the rule. A refusal for want of room says at which offset the space had how much:
// that is counted anew there, if it is not more than the horizon of calls behind the answer.
//
// The rule is written here a second time, with other means than those of the allocator's
// core: what is taken is a sorted list, and how often each identifier was granted is
// counted for itself. Over random logs both must agree, and an exact check of intervals
// that knows nothing of the rule finds no overlap.
//
// Of a log whose beginning was deleted, only the answers are held against one another: two
// ranges that overlap, of which the first was not given back in between.
package spaces
