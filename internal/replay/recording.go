package replay

import (
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Recording is what happened to a pool in a window of its log. It is not changed
// by runs, so several may read it at once.
type Recording struct {
	Pool events.Pool
	// FromMs and ToMs are when the window begins, but not before its first request, and
	// when its last event was, in milliseconds since the Unix epoch.
	FromMs, ToMs int64
	// Requests in order of acceptance.
	Requests []*Request
	// steps of engines and of the pool's settings, in order; also those before the
	// window.
	steps []step
	// leftOut are tasks that had not ended where the log begins, or came of another site:
	// nothing in the log asks for them, so they are not among the requests.
	leftOut int
	works   works
	// ids of the requests, and of those that ended before the window.
	ids, before map[string]bool
}

// Request is a task that was accepted, and what became of it.
type Request struct {
	// Task has no payload.
	Task *events.Task
	// AcceptedMs may be before the window: the task was carried over into it.
	AcceptedMs int64
	at         moment
	attempts   []attempt
	// cancelled is when it was cancelled, if it was.
	cancelled moment
	end       end
	endedMs   int64
	// endedAt is the offset of the terminal event.
	endedAt int64
}

// end is how a task ended.
type end uint8

const (
	pending end = iota
	running
	succeeded
	failed
	dead
	expired
	cancelled
)

// moment is a place in the record.
type moment struct {
	ms, offset int64
	// turn counts how often the record goes from placements to other events.
	turn int64
}

// attempt is one assignment.
type attempt struct {
	engine, incarnation string
	token               uint64
	from, to            moment
	how                 outcome
	err                 *events.TaskError
}

// outcome is how an attempt ended.
type outcome uint8

const (
	open    outcome = iota
	success         // the task succeeded
	final           // it failed for good
	failure         // it may be tried again
	cut             // lost, returned, refused or cancelled: says nothing of the work
)

// step is an event that a run repeats as it stands.
type step struct {
	moment
	message proto.Message
}

// Bound is a moment that bounds a window. The zero value is none.
type Bound struct {
	kind  boundKind
	value int64
}

type boundKind uint8

const (
	unbounded boundKind = iota
	byOffset
	byTime
)

// Offset is the bound at an offset of the log.
func Offset(n int64) Bound { return Bound{byOffset, n} }

// TimeMs is the bound at a time, in milliseconds since the Unix epoch.
func TimeMs(ms int64) Bound { return Bound{byTime, ms} }

// begun tells whether a window that begins there has begun at m.
func (b Bound) begun(m moment) bool {
	switch b.kind {
	case byOffset:
		return m.offset >= b.value
	case byTime:
		return m.ms >= b.value
	}
	return true
}

// over tells whether a window that ends there is over at m: an offset is the first
// that is out, a time the last that is in.
func (b Bound) over(m moment) bool {
	switch b.kind {
	case byOffset:
		return m.offset >= b.value
	case byTime:
		return m.ms > b.value
	}
	return false
}
