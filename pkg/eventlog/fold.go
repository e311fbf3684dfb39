package eventlog

import "github.com/spanway/spanway/pkg/events"

// Fold is a state that is made of a log: of every event that counts, in order. It
// must be a function of what it is given: equal logs give equal states. One
// goroutine calls it.
type Fold interface {
	// Apply folds one event. An unknown event, or one without message, changes
	// nothing.
	Apply(l events.Logged)
	// Snapshot appends the folded state to dst: equal states give equal bytes.
	Snapshot(dst []byte) []byte
	// Restore makes the state of a fresh fold equal to the one that gave these
	// bytes. An error with a method NewerVersion() (version, known uint32) says
	// that they are of a version that this binary does not know.
	Restore(state []byte) error
	// FoldVersion of the state now. A fold that is told of a version beyond what
	// it knows stays at its own; what runs it then stops with a VersionError.
	FoldVersion() uint32
	// Floor is the lowest offset of the log that the state still refers to, or
	// math.MaxInt64.
	Floor() int64
}

// Visit is called for each event that counts, in order. The record is the one it
// came in; it must not be changed. Message is nil for a type that is not known,
// for a null value, and for data that cannot be read.
type Visit func(l events.Logged, r *events.Record)
