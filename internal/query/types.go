package query

import "github.com/spanway/spanway/services/scheduler/placement"

// The core's own types, in which some answers are given: what imports this package
// needs no core.
type (
	// State is the core, folded up to a moment.
	State = placement.State
	// Explanation is the answer to Why and WhatIf.
	Explanation = placement.Explanation
	// Counts, Finding, Clause, Limited and Suggestion are parts of an Explanation.
	Counts     = placement.Counts
	Finding    = placement.Finding
	Clause     = placement.Clause
	Limited    = placement.Limited
	Suggestion = placement.Suggestion
	// Reason says why a task waits.
	Reason = placement.Reason
	// TaskView and EngineView are how the core shows a task and an engine.
	TaskView   = placement.TaskView
	EngineView = placement.EngineView
)

// What an engine is for a task; the others say what keeps it from taking the task.
const (
	FindFits     = placement.FindFits
	FindCapacity = placement.FindCapacity
	FindAccepts  = placement.FindAccepts
)

// NotBefore is the reason of a task whose time has not come.
const NotBefore = placement.NotBefore

// DefaultReserveAfter is how long a task waits for room before an engine is
// reserved for it, where a pool's settings do not say.
const DefaultReserveAfter = placement.DefaultReserveAfter
