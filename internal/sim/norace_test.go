//go:build !race

package sim

// How many seeds are run of each story.
const manyOwners, manyFleets = 2000, 1000
