package sharedlog

import "github.com/spanway/spanway/pkg/events"

// Core is the pure core of one kind of shared log: a function of the calls that it is
// given. It has no clock, no randomness and no I/O; equal calls give equal states. One
// goroutine calls it.
type Core interface {
	// Decide folds a call and returns why it is refused: empty if it is accepted. A
	// refused call changes nothing. It is given each call once. Message may be nil,
	// and hold any values: nothing that stands in a log may stop its fold.
	Decide(c *Call) events.Code
	// Pass folds that the time of the log has come to now: what is due by then ends.
	// offset is that of the record which moved it.
	Pass(now, offset int64)
	// Due is when something ends by time next, in the time of the log; math.MaxInt64 if
	// nothing does.
	Due() int64
	State
}

// Named is what a Core implements whose calls may name the log that they are meant for.
type Named interface {
	// Foreign tells whether a call is meant for another log than this one, such as one that
	// had its name before: what its writer had seen says nothing of this log. It changes
	// nothing.
	Foreign(c *Call) bool
}

// State is what snapshots hold of a core, and what it refers to.
type State interface {
	// Snapshot appends the state to dst: equal states give equal bytes.
	Snapshot(dst []byte) []byte
	// Restore makes the state of a fresh core equal to the one that gave these bytes.
	// It is safe on any bytes.
	Restore(state []byte) error
	// Floor is the lowest offset of the log that the state still refers to, or
	// math.MaxInt64.
	Floor() int64
}
