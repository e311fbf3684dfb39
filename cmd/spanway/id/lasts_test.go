package id

import (
	"testing"
	"time"

	"github.com/spanway/spanway/internal/query"
)

func TestLasts(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"0s": 0, "15m40s": 15*time.Minute + 40*time.Second, "47h59m59s": 48*time.Hour - time.Second, "2 days": 49 * time.Hour,
		"6553 days": 157286*time.Hour + 11*time.Minute,
	} {
		ms := d.Milliseconds()
		if got := lasts(&query.Space{LastsMs: &ms}); got != want {
			t.Errorf("%v: %q; want %q", d, got, want)
		}
	}
	if got := lasts(&query.Space{}); got != "-" {
		t.Errorf("it says %q", got)
	}
}
