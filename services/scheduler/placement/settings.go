package placement

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// DefaultReserveAfter is how long a task is passed over before an engine is
// reserved for it, where the pool's settings say nothing.
const DefaultReserveAfter = 10 * time.Second

func (c *cycle) configure(name events.Pool, m *events.PoolConfigureRequested) *events.Malformed {
	if err := c.s.since("pool.settings", true); err != nil {
		return malformed(err)
	}
	c.emit(&events.PoolConfigured{Pool: string(name), Settings: m.Settings, AtMs: c.now.Now})
	return nil
}

func (s *State) applyConfigured(m *events.PoolConfigured) {
	if s.version < foldWhole {
		return
	}
	p := s.poolOf(events.Pool(m.Pool))
	p.settings = proto.CloneOf(m.Settings)
	p.weigh()
}

// Settings of a pool; all defaults if it has none or is not known.
func (s *State) Settings(name events.Pool) *events.PoolSettings {
	if p := s.pools[name]; p != nil && p.settings != nil {
		return proto.CloneOf(p.settings)
	}
	return &events.PoolSettings{}
}

// reserveAfter is how long a task that fits nowhere waits for a reservation, in
// milliseconds; negative: for ever.
func (p *pool) reserveAfter() int64 {
	if ms := p.settings.GetReserveAfterMs(); ms != 0 {
		return min(ms, lastMs)
	}
	return DefaultReserveAfter.Milliseconds()
}
