//go:build race

package placement

// race: the race detector is on, which makes everything ten times as slow.
const race = true
