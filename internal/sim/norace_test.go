//go:build !race

package sim

// How many seeds are run of each story.
const manyOwners, manyLossy, manyFleets = 1000, 300, 500
