// Package bench is the command bench: it measures with internal/bench, and prints.
package bench
