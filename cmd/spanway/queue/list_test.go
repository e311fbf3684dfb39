package queue

import (
	"runtime/debug"
	"testing"
)

// A list collects garbage more often than usual, unless GOGC says otherwise, and only while
// it runs: what else the process does later is not slowed down.
func TestAListCollectsOftenOnlyWhileItRuns(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for before, during := range map[int]int{100: 25, 400: 400} {
		debug.SetGCPercent(before)
		end := collectOften()
		if got := debug.SetGCPercent(during); got != during {
			t.Errorf("from %d: it is %d while a list runs, want %d", before, got, during)
		}
		end()
		if got := debug.SetGCPercent(before); got != before {
			t.Errorf("it is %d after a list, want %d as before", got, before)
		}
		program.Call(t.Context(), "", "queue", "list", "--brokers", "127.0.0.1:1", "--dial-timeout", "1ms")
		if got := debug.SetGCPercent(before); got != before {
			t.Errorf("it is %d after a call, want %d as before", got, before)
		}
	}
}
