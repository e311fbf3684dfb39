package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/pkg/networks"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/pkg/replication"
)

// Exit codes, as wire.md fixes them.
const (
	ExitDone        = 0
	ExitRefused     = 1
	ExitUsage       = 2
	ExitUnavailable = 3
	ExitTaskFailed  = 4
	ExitInterrupted = 130 // As shells have it for the first signal that ends a program.
)

// interrupted is what a command that a signal ended had not done.
type interrupted struct{ err error }

// Error leaves out that a context was cancelled, which is how it was interrupted.
func (e *interrupted) Error() string {
	text := "interrupted: " + e.err.Error()
	return strings.TrimSuffix(text, ": "+context.Canceled.Error())
}
func (e *interrupted) Unwrap() error { return e.err }

// usageError is a mistake in how the command was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// Misuse says that an error is a mistake in how the command was called.
func Misuse(err error) error { return &usageError{err} }

// Usage is misuse with a message.
func Usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// ExitCode is what an error means to the caller of the program. An error that has a
// method ExitCode decides itself.
func ExitCode(err error) int {
	var (
		wrong   *usageError
		refused *client.Refused
		failed  *client.TaskFailed
		begun   *client.Unfinished
		lost    *eventlog.LossError
		inQueue *queue.Refused
		ofSpace *ids.Refused
		ofLink  *replication.Refused
		ofNet   *networks.Refused
		copied  *eventlog.ReadOnlyError
		own     interface{ ExitCode() int }
		stopped *interrupted
	)
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &stopped):
		return ExitInterrupted
	case errors.As(err, &wrong):
		return ExitUsage
	case errors.As(err, &own):
		return own.ExitCode()
	case ids.IsRefused(err, events.CodeStoreUnavailable): // The same request again may be granted.
		return ExitUnavailable
	case errors.As(err, &refused), errors.As(err, &inQueue), errors.As(err, &ofSpace), errors.As(err, &ofLink), errors.As(err, &ofNet), errors.As(err, &copied), errors.Is(err, replication.ErrNothingDeclared):
		return ExitRefused
	case errors.As(err, &failed):
		return ExitTaskFailed
	case errors.As(err, &lost) && !errors.As(err, &begun): // Trying again mends nothing.
		return ExitRefused
	}
	return ExitUnavailable
}
