//go:build !race

package placement

const race = false
