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
	for {
		m.mu.Lock()
		assigned, changed := slices.Contains(m.partitions, partition), m.changed
		m.mu.Unlock()
		if assigned {
			return ctx.Err()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
