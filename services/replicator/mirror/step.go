package mirror

import "github.com/spanway/spanway/pkg/events"

// Step is what a copy needs next: one of the types below. After each the shell calls the
// method that its comment names, or Unknown where it failed for good.
type Step interface{ step() }

// Claim the target partition; then Known, with the checkpoint that counts by then, and Claimed.
type Claim struct{}

// ReadTail reads the target's records from an offset up to another; then Tail.
type ReadTail struct{ From, To int64 }

// ReadSource reads records of the source from an offset on; then Page. A From that the
// source does not have gives a page without records, whose Start or End says so; that the
// end lies before From must be certain, for a new leader may show less than there is for a
// moment. If Prove is set the page is compared with what was copied, and must be read anew,
// not ahead. That the end lies before To, which is behind all that was read, must be certain,
// too.
type ReadSource struct {
	From, To int64
	Prove    bool
}

// Save makes a checkpoint durable; then Saved.
type Save struct{ Checkpoint Checkpoint }

// Append appends records to the target as one batch; then Appended, or Refused if the
// target does not take a batch of one record.
type Append struct{ Records []events.Record }

// DeadLetter sends a record of the source, and why it is not copied, to the dead letters;
// then Buried.
type DeadLetter struct {
	Record events.Record
	Reason Reason
}

// Rest does nothing more: the copy has stopped.
type Rest struct{ Reason Reason }

func (Claim) step()      {}
func (ReadTail) step()   {}
func (ReadSource) step() {}
func (Save) step()       {}
func (Append) step()     {}
func (DeadLetter) step() {}
func (Rest) step()       {}

// Tail is a run of a partition that was read.
type Tail struct {
	// Records are all that stand in [From, Next) of the step; markers and aborted records
	// are none.
	Records []events.Record
	// Next is where the rest begins; at or behind the step's To when all was read.
	Next int64
}

// Source is a page of the source.
type Source struct {
	events.Page
	// ID is that of the topic that the page is of, which changes when the topic is created
	// again: the shell has seen the same before and after it read. Empty if the cluster
	// does not tell.
	ID string
	// At is when it was read, in milliseconds since the Unix epoch; 0 if that is not known.
	At int64
}

// Incident is something that an operator must know of.
type Incident struct {
	Reason Reason
	// Offset is where it was found: in the target for ForeignWriter and TargetNotEmpty,
	// else in the source.
	Offset int64
	// Lost is how many offsets of the source were deleted before they were copied. Of a source
	// that has changed it is at least so many: those below the end that was seen last.
	Lost int64
	// LostUnknown says that this is not known: it was never seen where the source ended.
	LostUnknown bool
}

// Last is the newest record of a copy in its target.
type Last struct {
	Target, Origin int64
	Generation     uint32
	// Tombstone says that its value is null, so that compaction deletes it in its time.
	Tombstone bool
}

// newer says whether a record comes behind another of the copy.
func (l *Last) newer(than *Last) bool {
	switch {
	case l == nil:
		return false
	case than == nil:
		return true
	case l.Generation != than.Generation:
		return l.Generation > than.Generation
	}
	return l.Origin > than.Origin
}

// Checkpoint is what a copy keeps beside the records themselves. Nothing fences those who
// save it, so that of several for one copy that of the greatest generation counts, of
// these that of the greatest claim, and of these the newest.
type Checkpoint struct {
	Generation uint32
	// Claim is the end of the target when its writer claimed it.
	Claim int64
	// Start is the offset of the source at which the generation began, Next the one to go
	// on from.
	Start, Next int64
	// SnapshotEnd is the source's end when the generation began.
	SnapshotEnd int64
	// Last is the newest record of the copy in the target when this was written; nil if
	// there was none.
	Last *Last
	// Proof are the newest records of the source that are decided, copied or not, by
	// their offsets: some that the source must have still.
	Proof []Proof
	// SourceID and TargetID are the topics' IDs then; empty if not known.
	SourceID, TargetID string
	// CaughtUp is when, at the latest, the copy had all that the source had, in milliseconds
	// since the Unix epoch: within a part of Compaction.Tombstones. 0 if it is not known, and
	// where that is.
	CaughtUp int64
	// Declared is what decided which records are passed over, by rising offsets. It is not
	// changed once it is there.
	Declared []Declared
}

// Newer says whether a checkpoint counts more than another of the same copy: its generation
// is greater, or its writer claimed the partition later.
func (c *Checkpoint) Newer(than *Checkpoint) bool {
	if c.Generation != than.Generation {
		return c.Generation > than.Generation
	}
	return c.Claim > than.Claim
}

// Proof is a record of the source that was read, to be compared with what is there.
type Proof struct {
	Offset int64
	// Hash tells the record from another in its place.
	Hash uint64
}

// read is the offset behind the newest record that is decided; 0 if there is none.
func (c *Checkpoint) read() int64 {
	if n := len(c.Proof); n > 0 {
		return c.Proof[n-1].Offset + 1
	}
	return 0
}
