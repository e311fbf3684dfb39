package logowner

import (
	"context"
	"slices"
	"sync"
)

// membership is what the living generation of the group gives this process. An
// owner goes on without one, because the log protects it; but a log is claimed
// only within one. Otherwise a member that slept through its replacement would
// take the log back, and the two would claim it in turns.
type membership struct {
	mu         sync.Mutex
	partitions []int32
	changed    chan struct{}
}

func newMembership() *membership { return &membership{changed: make(chan struct{})} }

func (m *membership) begin(partitions []int32) { m.set(partitions) }
func (m *membership) end()                     { m.set(nil) }

func (m *membership) set(partitions []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.partitions = partitions
	close(m.changed)
	m.changed = make(chan struct{})
}

// await waits until a living generation assigns the partition; its error is
// ctx's.
func (m *membership) await(ctx context.Context, partition int32) error {
	return m.until(ctx, func(assigned []int32) bool { return slices.Contains(assigned, partition) })
}

// lose waits until no living generation assigns the partition; its error is ctx's.
func (m *membership) lose(ctx context.Context, partition int32) error {
	return m.until(ctx, func(assigned []int32) bool { return !slices.Contains(assigned, partition) })
}

func (m *membership) until(ctx context.Context, is func(assigned []int32) bool) error {
	for {
		m.mu.Lock()
		so, changed := is(m.partitions), m.changed
		m.mu.Unlock()
		if so {
			return ctx.Err()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
