// Package placement is the pure core of the scheduler.
package placement
