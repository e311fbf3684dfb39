//go:build !race

package sim

// How many seeds are run of each story.
const manyOwners, manyLossy, manyFleets = 2000, 1000, 1000
