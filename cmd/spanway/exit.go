package main

import (
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/client"
)

// Exit codes, as wire.md fixes them.
const (
	exitDone        = 0
	exitRefused     = 1
	exitUsage       = 2
	exitUnavailable = 3
	exitTaskFailed  = 4
)

// usageError is a mistake in how the command was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// exitCode is what an error means to whoever called the program.
func exitCode(err error) int {
	var (
		wrong   *usageError
		refused *client.Refused
		failed  *client.TaskFailed
		found   *violations
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &wrong):
		return exitUsage
	case errors.As(err, &refused), errors.As(err, &found):
		return exitRefused
	case errors.As(err, &failed):
		return exitTaskFailed
	}
	return exitUnavailable
}

// violations is the verdict of verify on logs that break a guarantee, or of
// which acknowledged records are gone.
type violations struct{ n, losses int64 }

func (e *violations) Error() string {
	if e.n == e.losses {
		return fmt.Sprintf("RECORDS_LOST: acknowledged records are gone from the log (%s); nobody broke a guarantee. "+
			"Look for an unclean leader election or a disk that lost power, and submit again what is missing",
			count(e.n, "finding", "findings"))
	}
	return fmt.Sprintf("GUARANTEE_BROKEN: %s; the log itself is the evidence, keep it", count(e.n-e.losses, "violation", "violations"))
}
