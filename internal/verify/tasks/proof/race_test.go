//go:build race

package proof

// The race detector has nothing to find in one thread and takes ten times as
// long, so the story is smaller under it.
const (
	manyEngines = 200
	manyTasks   = 4_000
	// few is the least that there must be of the rarer events.
	few = 1
)
