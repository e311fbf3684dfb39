package serve

import (
	"bytes"
	"log/slog"
	"testing"
)

// An engine without slots gets no task that says nothing of its needs; that is warned of.
func TestEngineWithoutSlotsIsWarnedOf(t *testing.T) {
	for name, c := range map[string]struct {
		capacity map[string]int64
		slots    int
		warns    bool
	}{
		"the default":      {nil, 0, false},
		"memory only":      {map[string]int64{"memory_bytes": 16 << 30}, 0, true},
		"slots of 0":       {map[string]int64{"slots": 0}, 0, true},
		"memory and slots": {map[string]int64{"memory_bytes": 16 << 30}, 2, false},
		"both in one":      {map[string]int64{"memory_bytes": 16 << 30, "slots": 8}, 0, false},
	} {
		var log bytes.Buffer
		warnOfSlots(slog.New(slog.NewTextHandler(&log, nil)), amounts(c.capacity, c.slots))
		if warned := log.Len() > 0; warned != c.warns {
			t.Errorf("%s: it warns: %v, want %v", name, warned, c.warns)
		}
	}
}
