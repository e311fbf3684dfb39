package sim

import (
	"fmt"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// Mark is a receiver's high-water mark for one source log.
type Mark struct{ Epoch, N uint32 }

// Above reads where a published record comes from, and raises the mark if that
// is above it. What is not above has been received before.
func (m *Mark) Above(r *events.Record) (from Mark, fresh bool, err error) {
	value, _ := r.Header(events.HeaderFrom)
	parts := strings.Split(string(value), "/")
	if len(parts) != 4 {
		return from, false, fmt.Errorf("header %s is %q, want topic/partition/epoch/n", events.HeaderFrom, value)
	}
	if _, err := fmt.Sscan(parts[2]+" "+parts[3], &from.Epoch, &from.N); err != nil {
		return from, false, fmt.Errorf("header %s %q: %w", events.HeaderFrom, value, err)
	}
	fresh = from.Epoch > m.Epoch || from.Epoch == m.Epoch && from.N > m.N
	if fresh {
		*m = from
	}
	return from, fresh, nil
}
