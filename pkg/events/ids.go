package events

// Identifiers are distinct types so that one is never passed for another.
type (
	// TaskID names a task within its pool for as long as it is remembered.
	TaskID string
	// Pool names a scheduling domain.
	Pool string
	// EngineID names an engine within its pool.
	EngineID string
	// Incarnation is one life of an engine: a UUIDv7, so the newest is the greatest.
	Incarnation string
	// Token is the fencing token of an attempt; it only grows within a pool.
	Token uint64
)

// DefaultPool is meant where a request names no pool.
const DefaultPool Pool = "default"

// MaxIDBytes bounds task, pool and engine IDs.
const MaxIDBytes = 256
