//go:build !race

package sim

// How many seeds are run of each story.
const manyOwners, manyLossy, manyFleets = 600, 300, 1000
