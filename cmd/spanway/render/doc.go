// Package render writes answers as people read them: explanations of tasks and
// reports of replays, in columns and, where asked for, in colour. It asks nothing
// and decides nothing; what programs read is the answer itself, as JSON.
package render
