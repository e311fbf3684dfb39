package ids

import (
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Refused is a request that the log or an allocator has refused: nothing was changed.
type Refused struct {
	Space, RequestID string
	Code             events.Code
	Text             string
	// Room is what the space has, where Code is events.CodeExhausted.
	Room *events.IdsRoom
	// Held are the first of the ranges that are in the way, where Code is
	// events.CodeSpaceHeld or events.CodeRangeTaken; HeldMore is how many identifiers more
	// are, with events.CodeRangeTaken as far as the allocator has looked.
	Held     []*events.IdsHeld
	HeldMore int64
	// Ended is the offset of the record by which the grant ended, in the partition of
	// ids.events that the space is in, where Code is events.CodeGrantEnded; 0 if a part of
	// the grant is held.
	Ended int64
	// EndedAt is when that record was written; zero if the log does not hold it any more.
	EndedAt time.Time
}

func (r *Refused) Error() string {
	ended := ""
	if !r.EndedAt.IsZero() {
		ended = fmt.Sprintf("; it ended at %s", events.Stamp(r.EndedAt.UnixMilli()))
	}
	return fmt.Sprintf("%s: %s%s (space %.256q, request ID %.256q)", r.Code, r.Text, ended, r.Space, r.RequestID)
}

// Unanswered is a request of which no answer came: it may be granted all the same. Ask
// again with the same request ID; the client never does so by itself. A release behind the
// request may be handled before it, and be refused (events.CodeUnknownGrant): release after
// the answer, or again.
type Unanswered struct {
	Space, RequestID string
	Err              error
}

func (u *Unanswered) Error() string {
	return fmt.Sprintf("no allocator has answered for space %.256q: ask again with request ID %.256q, and see that one runs (spanway serve allocator): %v",
		u.Space, u.RequestID, u.Err)
}

func (u *Unanswered) Unwrap() error { return u.Err }

// ErrClosed says that the client or the generator is closed.
var ErrClosed = errors.New("it is closed")

// IsRefused reports whether an error is a refusal with that code.
func IsRefused(err error, code events.Code) bool {
	var r *Refused
	return errors.As(err, &r) && r.Code == code
}
