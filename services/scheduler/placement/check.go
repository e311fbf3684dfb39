package placement

import "github.com/spanway/spanway/pkg/events"

// Check refuses, for a client that has not sent it yet, what Decide would
// refuse of a request without regard to the state. The error is a
// *events.Malformed. The request must name its task.
func (p *Preparer) Check(m *events.TaskRequested) error {
	pool, err := poolName(m.Pool, nil)
	if err != nil {
		return err
	}
	_, err = p.task(m, &prepared{pool: pool, taskID: m.TaskId}, events.Envelope{})
	return err
}
