package events_test

import (
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

func TestDurationsHaveDays(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"1d": day, "1.5d": 36 * time.Hour, "2d12h": 60 * time.Hour, "-1d12h": -36 * time.Hour, "+1d": day, "0d": 0, "0d5s": 5 * time.Second,
		"10m": 10 * time.Minute, "-1s": -time.Second, "0": 0, "106751d": 106751 * day,
	} {
		if got, err := events.ParseDuration(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "1", "1d2d", "12h1d", "1d-2h", "1d+2h", "1hd", "1dd", "1 d", "x1d", "106752d", "106751d24h", "-106751d24h", "9999999999999999999d", "1d "} {
		if got, err := events.ParseDuration(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
