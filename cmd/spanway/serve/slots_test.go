package serve

import (
	"bytes"
	"log/slog"
	"testing"
)

// An engine without slots gets no task that says nothing of its needs; that is warned of.
func TestEngineWithoutSlotsIsWarnedOf(t *testing.T) {
	for name, c := range map[string]struct {
		capacity map[string]string
		slots    int
		warns    bool
	}{
		"the default":      {nil, 0, false},
		"memory only":      {map[string]string{"memory_bytes": "16Gi"}, 0, true},
		"slots of 0":       {map[string]string{"slots": "0"}, 0, true},
		"memory and slots": {map[string]string{"memory_bytes": "16Gi"}, 2, false},
		"both in one":      {map[string]string{"memory_bytes": "16Gi", "slots": "8"}, 0, false},
	} {
		offers, err := amounts(c.capacity, c.slots)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		warnOfSlots(slog.New(slog.NewTextHandler(&log, nil)), offers)
		if warned := log.Len() > 0; warned != c.warns {
			t.Errorf("%s: it warns: %v, want %v", name, warned, c.warns)
		}
	}
}
