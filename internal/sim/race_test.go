//go:build race

package sim

// A seed takes some ten times as long under the race detector, which has
// nothing to find in one thread.
const manyOwners, manyLossy, manyFleets = 150, 75, 40
