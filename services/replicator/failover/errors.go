package failover

import (
	"fmt"
	"strings"
)

// Code names a reason why a fail-over has stopped. It is stable.
type Code string

// The codes.
const (
	// NotReversible: the link is one that cannot be turned round.
	NotReversible Code = "NOT_REVERSIBLE"
	// LinkPaused: an operator has paused the link, so that nothing is copied.
	LinkPaused Code = "LINK_PAUSED"
	// NothingCopied: no replicator has reported a copy.
	NothingCopied Code = "NOTHING_COPIED"
	// SourceUnreachable: the source does not answer.
	SourceUnreachable Code = "SOURCE_UNREACHABLE"
	// SourceRejected: the source is there, and the connection to it cannot be made as it is
	// configured: that of the command, or that of a replicator, so that nothing is copied.
	SourceRejected Code = "SOURCE_REJECTED"
	// SourceIsWritten: records still arrive at the source.
	SourceIsWritten Code = "SOURCE_IS_WRITTEN"
	// NotDrained: not all of the source is copied.
	NotDrained Code = "NOT_DRAINED"
	// CopyDiffers: the audit has found differences.
	CopyDiffers Code = "COPY_DIFFERS"
	// TurnedSince: the link that leads back was failed over later.
	TurnedSince Code = "TURNED_SINCE"
	// NameTaken: the other site has another link of the name.
	NameTaken Code = "NAME_TAKEN"
	// BackFails: the link is failed over, and the link back does not copy.
	BackFails Code = "BACK_FAILS"
)

// Error says why a fail-over has stopped, and what to do. Places are partitions at fault.
type Error struct {
	Code   Code
	Link   string
	Text   string
	Places []string
	Err    error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("fail link %s over: %s: %s", e.Link, e.Code, e.Text)
	if n := len(e.Places); n > 0 {
		text += ": " + strings.Join(e.Places[:min(n, mostPlaces)], ", ")
		if n > mostPlaces {
			text += fmt.Sprintf(" and %d more", n-mostPlaces)
		}
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// mostPlaces are named.
const mostPlaces = 5

// Unwrap is what was in the way.
func (e *Error) Unwrap() error { return e.Err }

// Is tells whether two have the same code.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code
}

// ExitCode is that of a refusal.
func (e *Error) ExitCode() int { return 1 }
