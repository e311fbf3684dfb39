package realise

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// What a command that realises an object is told by its environment: the object's path, and whether
// it shall be there (Realise) or not (Remove).
const (
	PathVariable   = "SPANWAY_OBJECT"
	ActionVariable = "SPANWAY_ACTION"

	Realise = "realise"
	Remove  = "remove"
)

// Given is what a command is given of a task, to realise its object: the variables above, and the
// object as JSON on its standard input, which is empty where the object shall not be there. The
// error is that of a payload that is none.
func Given(task *engine.Task) (env map[string]string, stdin string, err error) {
	m := &events.NetworkRealising{}
	if err := proto.Unmarshal(task.Payload, m); err != nil {
		return nil, "", fmt.Errorf("read the payload of task %s as a network.realising: %w", task.ID, err)
	}
	if _, _, err := network.ParsePath(m.Path); err != nil {
		return nil, "", fmt.Errorf("task %s: %w", task.ID, err)
	}
	env = map[string]string{PathVariable: m.Path, ActionVariable: Remove}
	if m.Object == nil {
		return env, "", nil
	}
	env[ActionVariable] = Realise
	text, err := asText(m.Object)
	return env, string(text), err
}
