package replication

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/replication/links"
)

// Position is up to where the log of links is folded.
type Position = sharedlog.Position

// State is all that a site declares. It must not be changed.
type State struct {
	// Links and Groups are by name.
	Links  []Link
	Groups []Group
	// At is up to where the log was folded.
	At Position
}

// Link finds a link by name.
func (s *State) Link(name string) (Link, bool) {
	for _, l := range s.Links {
		if l.Name == name {
			return l, true
		}
	}
	return Link{}, false
}

// State returns all that is declared. With a barrier the read is linearizable: it sees
// everything that was acknowledged before it began.
func (s *Site) State(ctx context.Context, barrier bool) (state State, err error) {
	err = s.host.Read(ctx, barrier, func(core sharedlog.Core, at Position) {
		c := core.(*links.Core)
		state = State{Links: c.Links(), Groups: c.Groups(), At: at}
	})
	if err != nil {
		return State{}, fmt.Errorf("read the links: %w", err)
	}
	return state, nil
}

// Watch calls see with all that is declared, at once and on each change, until see or ctx
// ends it. Of changes that come while see works the last is told. Two calls may tell the
// same.
func (s *Site) Watch(ctx context.Context, see func(State) error) error {
	for {
		moved := s.moved()
		state, err := s.State(ctx, false)
		if err == nil {
			err = see(state)
		}
		if err != nil {
			return err
		}
		select {
		case <-moved:
		case <-s.ended:
			return fmt.Errorf("watch the links: %w", s.hostEnded())
		case <-ctx.Done():
			return fmt.Errorf("watch the links: %w", ctx.Err())
		}
	}
}
