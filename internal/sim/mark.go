package sim

import (
	"fmt"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// Mark is a receiver's high-water mark for one source log.
type Mark struct {
	Epoch, N uint32
	// recovered is the time of the newest loss that it was told of.
	recovered int64
}

// Recovered lowers the mark if the record says that the log lost its tail, and
// tells whether it is such a record.
func (m *Mark) Recovered(r *events.Record) bool {
	if events.TypeOfRecord(r) != events.TypeLogRecovered {
		return false
	}
	_, message, err := events.DecodeTrusted(r)
	to, ok := message.(*events.LogRecovered)
	if err == nil && ok && to.AtMs > m.recovered {
		m.recovered = to.AtMs
		if m.Epoch > to.Epoch || m.Epoch == to.Epoch && m.N > to.N {
			m.Epoch, m.N = to.Epoch, to.N
		}
	}
	return true
}

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
		m.Epoch, m.N = from.Epoch, from.N
	}
	return from, fresh, nil
}
