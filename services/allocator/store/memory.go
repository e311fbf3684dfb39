package store

import (
	"context"
	"maps"
	"sync"
)

// memory is a table in memory.
type memory struct {
	mu     sync.Mutex
	spaces map[string]map[string]string
}

func newMemory() *memory { return &memory{spaces: map[string]map[string]string{}} }

func (m *memory) update(ctx context.Context, space string, fields []string, f func(map[string]string) (want map[string]string, gone []string)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.spaces[space]
	have := maps.Clone(all)
	if fields != nil {
		have = map[string]string{}
		for _, field := range fields {
			if value, ok := all[field]; ok {
				have[field] = value
			}
		}
	}
	want, gone := f(have)
	set, deleted := change(have, want, gone)
	if all == nil && len(set) > 0 {
		all = map[string]string{}
		m.spaces[space] = all
	}
	maps.Copy(all, set)
	for _, field := range deleted {
		delete(all, field)
	}
	return nil
}

func (m *memory) forget(_ context.Context, space string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.spaces, space)
	return nil
}

func (m *memory) close() error { return nil }
