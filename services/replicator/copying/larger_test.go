package copying

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanway/spanway/services/replicator/mirror"
)

// A copy in which many records are too large spends a tenth of its time on waiting for
// settings, however long one wait takes.
func TestHowOftenALargeRecordWaits(t *testing.T) {
	for took, pause := range map[time.Duration]time.Duration{10 * time.Second: 90 * time.Second, time.Millisecond: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			cfg := newStage().config()
			cfg.Larger = func(context.Context) { <-time.After(took) }
			c := New(cfg)
			c.copy = mirror.New(cfg.Copy, nil)
			if !c.mayWait(7) {
				t.Fatal("the first may not wait")
			}
			if err := c.wait(t.Context(), 7); err != nil {
				t.Fatal(err)
			}
			<-time.After(pause - time.Millisecond)
			if c.mayWait(8) {
				t.Errorf("after %v another waits too soon", took)
			}
			<-time.After(time.Millisecond)
			if !c.mayWait(8) || c.mayWait(7) {
				t.Errorf("after %v: another may wait: %v, the same one: %v", took, c.mayWait(8), c.mayWait(7))
			}
		})
	}
}
