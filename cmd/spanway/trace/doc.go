// Package trace is the command trace: where a task's time went, drawn from its events.
package trace
