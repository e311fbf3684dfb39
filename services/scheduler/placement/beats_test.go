package placement

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// rejections are the codes with which reports were rejected, in order.
func (w *world) rejections() (codes []string) {
	for _, l := range w.log {
		if m, ok := l.Message.(*events.TaskRejected); ok {
			codes = append(codes, m.Code)
		}
	}
	return codes
}

// TestBadHeartbeatsAreRejectedOnce: an engine of a pool with a bad name sends a heartbeat a second, and
// is one dead letter, not one a second; what else is wrong is another, and so is it in an
// hour, or by another owner.
func TestBadHeartbeatsAreRejectedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	beat := func(m *events.EngineHeartbeat) { w.send(m) }
	want := func(when string, n int) {
		t.Helper()
		if got := w.rejections(); len(got) != n {
			t.Fatalf("%s: the rejections are %v, want %d", when, got, n)
		}
	}
	for range 3 {
		beat(&events.EngineHeartbeat{EngineId: "e", Incarnation: "i", Pool: "bad\n"})
	}
	want("the same three times", 1)
	beat(&events.EngineHeartbeat{EngineId: "e2", Incarnation: "i", Pool: "bad\n"})
	want("of another engine", 2)
	for range 2 {
		beat(&events.EngineHeartbeat{EngineId: "e", Incarnation: "i", Pool: astray()})
	}
	want("for another reason", 3)
	unknown := record(events.TypeEngineHeartbeat, `{"engineId":"e","pool":"blue","incarnation":"i","color":"red"}`)
	for range 2 {
		w.sendRecord(w.cfg.Topics.Reports(), unknown)
	}
	want("with an unknown field", 4)
	for range 2 {
		w.sendRecord(w.cfg.Topics.Reports(), record(events.TypeEngineHeartbeat, `{`))
	}
	want("of which nothing can be read", 6)
	w.now += beatAgainMs
	beat(&events.EngineHeartbeat{EngineId: "e", Incarnation: "i", Pool: "bad\n"})
	beat(&events.EngineHeartbeat{EngineId: "e", Incarnation: "i", Pool: "bad\n"})
	want("in an hour", 7)
	w.state.tenure = tenure{}
	beat(&events.EngineHeartbeat{EngineId: "e", Incarnation: "i", Pool: "bad\n"})
	want("by another owner", 8)
	for i := range 3 * maxBadBeats {
		beat(&events.EngineHeartbeat{EngineId: fmt.Sprint(i), Incarnation: "i", Pool: "bad\n"})
	}
	if n := len(w.state.tenure.rejected); n > maxBadBeats {
		t.Errorf("%d are remembered, want %d at most", n, maxBadBeats)
	}
}

// astray is a pool of another partition.
func astray() string {
	for i := 0; ; i++ {
		if pool := fmt.Sprint("pool", i); events.PoolPartition(events.Pool(pool)) != events.PoolPartition(blue) {
			return pool
		}
	}
}
