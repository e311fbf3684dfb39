package manager

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/pkg/logowner"
)

// process is what local and global managers have in common: each owns a log.
type process[I any] struct {
	name  string
	owner *logowner.Service[I]
}

// Ready is closed once this process owns its log, or another one of the group does.
func (p process[I]) Ready() <-chan struct{} { return p.owner.Ready() }

// Trouble is what is in the way of owning the log if the group gives it to this process, such
// as topics of another service that are not there yet, and of all that uses its connection;
// nil if nothing is.
func (p process[I]) Trouble() error { return p.owner.Trouble() }

// Run works until ctx ends, then leaves the group and returns nil. It returns an error only if
// it cannot begin: topics that are not as they must be, or a log that is a copy of another
// site's (*eventlog.ReadOnlyError), which is to be promoted first.
func (p process[I]) Run(ctx context.Context) error {
	if err := p.owner.Run(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}
