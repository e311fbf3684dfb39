//go:build norule

package idspace

const disjoint = false
