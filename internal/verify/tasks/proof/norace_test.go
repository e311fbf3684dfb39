//go:build !race

package proof

// The size of the story.
const (
	manyEngines = 1_000
	manyTasks   = 50_000
	// few is the least that there must be of the rarer events.
	few = 10
)
