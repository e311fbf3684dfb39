// Package queue is the noun queue: create, enqueue, list, show, remove, claim, extend, done,
// release, delete and watch. Each command is a host of the queue while it runs (pkg/queue).
package queue
