package mirror

import (
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Config says what a copy does.
type Config struct {
	// Source and Target are the partitions. Their clusters differ.
	Source, Target events.ClusterPartition
	// Shared says that others write to the target partition too. Otherwise a record there
	// that is not of this copy stops it.
	Shared bool
	// Relay copies records that are copies themselves. Without it each record takes one
	// hop, so that it reaches a cluster once, though links lead there by two ways.
	Relay bool
	// MaxRecord is the size in bytes (events.Record.Size) of the largest record that the
	// target takes; 0 is no bound.
	MaxRecord int
	// MaxBatch is how many bytes of records are appended at once, but for one record that
	// is larger; 0 is 1 MiB, the most.
	MaxBatch int
	// Routed chooses by the destinations that a record names; nil copies all.
	Routed *Routing
	// Compacted says where records go missing by compaction.
	Compacted Compaction
	// Tolerated is the offset in the target below which records that are not of the copy
	// do not stop it: an operator has said so.
	Tolerated int64
	// Begin asks for a generation, whatever was copied before.
	Begin Begin
	// On says what to do when not all can be copied.
	On Policies
}

// Compaction says where records go missing by compaction. Otherwise it is evidence of loss
// that one is missing. In an exclusive target it is so always, but below
// Tolerated, for what takes its place is of the copy too.
type Compaction struct {
	Source, Target bool
	// Tombstones is how long they live in the source at least; 0 if it is not known. A copy
	// that was away from the source's end for longer compares keys (Sweeping).
	Tombstones time.Duration
}

// Policies are what to do when the source is not the one that was copied, when its
// retention has deleted what was not copied, and when a record cannot be copied.
type Policies struct {
	Recreated, Overtaken, Uncopyable Policy
}

// Begin asks a copy of a lower generation to begin this one, at an offset of the source or
// at the first that it still has. The zero value asks for nothing.
type Begin struct {
	Generation uint32
	From       int64
}

// Policy says what a copy does when it cannot do all that it should.
type Policy uint8

const (
	// Stop stops the copy, with a Reason, until an operator resumes it.
	Stop Policy = iota
	// GoOn goes on without what is lost; begins a new generation at the earliest record
	// of a source that was created again; sends a record that cannot be copied to the
	// dead letters.
	GoOn
)

// MaxHops is how many clusters a record may have stood in before. One that has been in
// more goes round in a loop that no cluster ID shows, and stops there.
const MaxHops = 8

// State is what a copy does now.
type State uint8

// The states, as the package comment draws them.
const (
	Claiming State = iota
	Resuming
	Proving
	Beginning
	Snapshot
	Delta
	Sweeping
	Stopped
)

// String is the state's name on the wire and for operators.
func (s State) String() string {
	return [...]string{"claiming", "resuming", "proving", "beginning", "snapshot", "delta", "sweeping", "stopped"}[min(int(s), 7)]
}

// Reason says why a copy has stopped. It is stable; operators and alerts go by it.
type Reason string

const (
	// ForeignWriter: an exclusive target has a record that this copy has not written.
	ForeignWriter Reason = "foreign_writer"
	// TargetNotEmpty: it had one before the copy first began.
	TargetNotEmpty Reason = "target_not_empty"
	// SourceChanged: the source is not the topic that was copied: it was created again,
	// or has lost records that were copied.
	SourceChanged Reason = "source_changed"
	// Overtaken: retention has deleted records of the source before they were copied.
	Overtaken Reason = "overtaken"
	// Uncopyable: the target does not take a record.
	Uncopyable Reason = "uncopyable"
	// TargetLost: records that were copied are gone from the end of the target. Where the
	// order allows it they are copied again; else the copy stops.
	TargetLost Reason = "target_lost"
	// BeyondEnd: the copy is to begin anew behind the end of the source.
	BeyondEnd Reason = "beyond_end"
	// Misrouted: a record names its destinations so that they cannot be read.
	Misrouted Reason = "misrouted"
)
