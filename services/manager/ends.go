package manager

import (
	"bytes"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/site"
)

// prepareInbox makes an input of a record of network.inbox. How a task ended is for the
// scheduler to say, in its own log.
func prepareInbox(topic string, partition int32, r *events.Record) site.Input {
	in := site.Prepare(topic, partition, r)
	if _, ended := taskOf(in.Message); ended {
		in.Message = nil
	}
	if _, missed := in.Message.(*events.NetworkEndsMissed); missed { // It is for its own source to say.
		in.Message = nil
	}
	return in
}

// ends are how the tasks of a site ended.
type ends struct {
	// prefix of the IDs of its tasks.
	prefix string
	needle []byte
}

func endsOf(name string) ends {
	p := site.TaskPrefix(name)
	return ends{p, []byte(p)}
}

// prepare makes an input of the end of one of the site's tasks, and nothing of any other
// record of tasks.events, most of which it does not decode: not even of what it cannot read,
// which is not for the site.
func (e ends) prepare(_ string, _ int32, r *events.Record) site.Input {
	if !isEnd(events.TypeOfRecord(r)) || !bytes.Contains(r.Value, e.needle) { // Neither form of data escapes anything in the ID.
		return site.Input{}
	}
	m, err := events.Message(r)
	if err != nil {
		return site.Input{}
	}
	if task, ended := taskOf(m); !ended || !strings.HasPrefix(task, e.prefix) {
		return site.Input{}
	}
	return site.Input{Message: m}
}

// missed makes an input of records of tasks.events that were deleted before they were read.
func missed(_ string, partition int32, from, to int64) site.Input {
	return site.Input{Message: &events.NetworkEndsMissed{Partition: partition, From: from, To: to}}
}

func isEnd(t events.Type) bool {
	switch t {
	case events.TypeTaskSucceeded, events.TypeTaskFailed, events.TypeTaskDeadLettered, events.TypeTaskExpired, events.TypeTaskCancelled, events.TypeTaskRejected:
		return true
	}
	return false
}

// taskOf is the ID of the task whose end an event is; ended is false if it is none. That
// something else was refused that names the task, such as to cancel it, does not end it.
func taskOf(m proto.Message) (id string, ended bool) {
	switch m := m.(type) {
	case *events.TaskSucceeded:
		return m.TaskId, true
	case *events.TaskFailed:
		return m.TaskId, true
	case *events.TaskDeadLettered:
		return m.TaskId, true
	case *events.TaskExpired:
		return m.TaskId, true
	case *events.TaskCancelled:
		return m.TaskId, true
	case *events.TaskRejected:
		return m.TaskId, m.RequestType == string(events.TypeTaskRequested)
	}
	return "", false
}
