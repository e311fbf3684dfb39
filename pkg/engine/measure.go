package engine

import (
	"context"
	"time"
)

// measure looks at what is used until ctx ends, apart from the loop: a monitor
// may be slow.
func (l *loop) measure(ctx context.Context, m Monitor) {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		used := m.Used()
		l.inbox.put(func(m *mail) { m.measured, m.used = true, used })
	}
}
