package store

import (
	"context"
	"fmt"
)

// table holds a hash of fields for each space, which changes by compare-and-set.
type table interface {
	// update reads fields of a space, all if fields is nil, and writes those that f
	// returns in their place; gone are fields that are deleted unread, but for those that
	// f returns. f is pure: it may run more than once, does not change what it is given,
	// and what it was given last is what was replaced.
	update(ctx context.Context, space string, fields []string, f func(have map[string]string) (want map[string]string, gone []string)) error
	// forget deletes all of a space.
	forget(ctx context.Context, space string) error
	close() error
}

// Store proposes ranges. It is safe for concurrent use, and several stores may share one
// Redis. Its errors are the context's, *Contended or *Unavailable: after each of them the
// same change may be made again, and it may have been made.
type Store struct {
	table   table
	metrics *metrics
}

// NewMemory returns a store that keeps everything in the memory of this process.
func NewMemory() *Store {
	m, _ := newMetrics(nil) // Of no meter: that cannot fail.
	return &Store{table: newMemory(), metrics: m}
}

// Propose finds a range for each want, in their order, in one change. ErrUnknown says
// that Redis holds nothing of the space, or has forgotten what became free before b.Since:
// it is to be filled.
func (s *Store) Propose(ctx context.Context, b Batch) (out []Proposal, err error) {
	fields := make([]string, 3, 3+len(b.Wants))
	fields[0], fields[1], fields[2] = nextField, freeField, atField
	for _, w := range b.Wants {
		fields = append(fields, requestPrefix+w.RequestID)
	}
	// What was proposed of these is known, so it is not read.
	settled := make([]string, 0, len(b.Granted)+len(b.Refused))
	for _, g := range b.Granted {
		settled = append(settled, requestPrefix+g.RequestID)
	}
	for _, id := range b.Refused {
		settled = append(settled, requestPrefix+id)
	}
	known := false
	err = s.table.update(ctx, b.Space.Name, fields, func(have map[string]string) (want map[string]string, gone []string) {
		state := decode(have)
		if known = state.Known && state.At >= b.Since; !known {
			return have, nil
		}
		out = state.propose(b)
		return encode(state), settled
	})
	if err != nil {
		return nil, fmt.Errorf("propose %d ranges of space %q: %w", len(b.Wants), b.Space.Name, err)
	}
	if !known {
		return nil, fmt.Errorf("propose %d ranges of space %q: %w", len(b.Wants), b.Space.Name, ErrUnknown)
	}
	return out, nil
}

// Fill brings what Redis holds of a space up to the log: free are ranges that the log has
// as free below space.Next, all or the longest MaxFree. It reports whether Redis was
// behind: empty, or with something as free that the log has granted.
func (s *Store) Fill(ctx context.Context, space Space, free []Range) (behind bool, err error) {
	err = s.change(ctx, space.Name, func(state *State) { behind = state.fill(space, free) })
	if err != nil {
		return false, fmt.Errorf("fill space %q from the log: %w", space.Name, err)
	}
	if behind {
		s.metrics.raised(ctx)
	}
	return behind, nil
}

// Holds returns what Redis holds of a space.
func (s *Store) Holds(ctx context.Context, space string) (state State, err error) {
	err = s.change(ctx, space, func(have *State) { state = have.clone() })
	if err != nil {
		return State{}, fmt.Errorf("read space %q: %w", space, err)
	}
	return state, nil
}

// Return makes ranges free again that Redis holds and the log does not, and forgets
// requests that nothing will come of.
func (s *Store) Return(ctx context.Context, space string, abandoned []Grant, free []Range) error {
	err := s.change(ctx, space, func(state *State) { state.release(abandoned, free) })
	if err != nil {
		return fmt.Errorf("return ranges of space %q: %w", space, err)
	}
	s.metrics.returned(ctx, len(free))
	return nil
}

// Forget deletes what Redis holds of a space.
func (s *Store) Forget(ctx context.Context, space string) error {
	if err := s.table.forget(ctx, space); err != nil {
		return fmt.Errorf("forget space %q: %w", space, err)
	}
	return nil
}

// Close ends all connections.
func (s *Store) Close() error { return s.table.close() }

func (s *Store) change(ctx context.Context, space string, f func(*State)) error {
	return s.table.update(ctx, space, nil, func(have map[string]string) (want map[string]string, gone []string) {
		state := decode(have)
		f(&state)
		return encode(state), nil
	})
}

func (s *State) clone() State {
	c := *s
	c.Free = append([]Range(nil), s.Free...)
	c.Proposed = make(map[string]Range, len(s.Proposed))
	for id, r := range s.Proposed {
		c.Proposed[id] = r
	}
	return c
}
