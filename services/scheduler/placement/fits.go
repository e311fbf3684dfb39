package placement

import (
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// What a log says in an event that counts is folded whatever it says, but nothing may be
// folded that an owner could not write again: each event that follows must fit a batch. No
// request, report or command can ask for as much, so only a broken log is cut, and is cut
// alike by all who fold it.
const (
	// maxNames is what the names of a task or an engine take together, in bytes.
	maxNames = 8 << 10
	// maxBody is what all of a task takes but its payload, or all of an engine.
	maxBody = 512 << 10
	// maxKept is what a reason or an error takes.
	maxKept = 64 << 10
)

// foldable tells whether a task can be written again.
func foldable(in *events.Task) bool {
	return len(in.Id)+len(in.Pool) <= maxNames && proto.Size(in)-len(in.Payload) <= maxBody
}

// keptReason is a reason as it is folded.
func keptReason(reason string) string {
	if len(reason) <= maxKept {
		return reason
	}
	return printable(reason, maxReasonBytes)
}

// keptError is an error as it is folded.
func keptError(e *events.TaskError) *events.TaskError {
	if len(e.GetCode())+len(e.GetMessage()) <= maxKept {
		return e
	}
	return &events.TaskError{Code: printable(e.Code, maxReasonBytes), Message: printable(e.Message, maxMessageBytes)}
}
