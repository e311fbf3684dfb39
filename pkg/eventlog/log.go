package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Log is one partition of a log. Package eventlogtest holds the contract that
// every implementation must pass.
type Log interface {
	// Append writes batch as one record batch, whole or not at all, and returns
	// the offset of its first record once it is as durable as it will get. An
	// unknown outcome is tried again inside with the very same bytes; what is
	// still unknown in the end is an error, and the batch may then stand in the
	// log nevertheless, later, or twice. An error with a method Refused() bool
	// that returns true says that the records themselves are at fault. One call
	// at a time; batch is not kept after the return.
	Append(ctx context.Context, batch []events.Record) (base int64, err error)
	// Fetch reads on from an offset. If nothing is there it waits that long for
	// something to come and then answers with an empty page; from == End is
	// fine. An error with a method OutOfRange() says that the log does not reach
	// to that offset, or no more. The page's memory is the caller's to keep.
	Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error)
}

// OutOfRangeError is a Fetch from an offset outside of the log.
type OutOfRangeError struct {
	// From is what was asked for; the log holds Start (inclusive) to End.
	From, Start, End int64
}

func (e *OutOfRangeError) Error() string {
	return fmt.Sprintf("offset %d is outside of the log, which holds %d to %d; read from %d",
		e.From, e.Start, e.End, e.Start)
}

// OutOfRange returns what the log does hold; it is how this error is recognised.
func (e *OutOfRangeError) OutOfRange() (start, end int64) { return e.Start, e.End }

// OutOfRange tells whether err says that an offset is outside of its log, and what
// the log does hold: from start, inclusive, to end.
func OutOfRange(err error) (start, end int64, ok bool) {
	var r interface{ OutOfRange() (start, end int64) }
	if !errors.As(err, &r) {
		return 0, 0, false
	}
	start, end = r.OutOfRange()
	return start, end, true
}

// IsOutOfRange is OutOfRange, where what the log does hold does not matter.
func IsOutOfRange(err error) bool {
	_, _, ok := OutOfRange(err)
	return ok
}

// IsDenied tells whether the broker denied something for a reason that trying again
// does not change, such as a missing right: an error with a method Denied() bool
// that returns true.
func IsDenied(err error) bool {
	var d interface{ Denied() bool }
	return errors.As(err, &d) && d.Denied()
}

// IsForbidden tells whether brokers refuse something that they may allow while the program
// runs: a right is missing, or a connection is refused. It is an error with a method
// Forbidden() bool that returns true. It is denied, too; what is denied for good, as what a
// deleted log is asked for, is not forbidden.
func IsForbidden(err error) bool {
	var f interface{ Forbidden() bool }
	return errors.As(err, &f) && f.Forbidden()
}

// IsUnavailable tells whether something was given up after it had been tried for a while, and
// may succeed later, as when no broker answers: an error with a method Unavailable() bool
// that returns true.
func IsUnavailable(err error) bool {
	var u interface{ Unavailable() bool }
	return errors.As(err, &u) && u.Unavailable()
}

// IsRefused tells whether err is the fault of the records that were appended.
func IsRefused(err error) bool {
	var r interface{ Refused() bool }
	return errors.As(err, &r) && r.Refused()
}
