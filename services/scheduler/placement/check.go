package placement

import "github.com/spanway/spanway/pkg/events"

// Check makes of a request that nobody has sent yet the task that it asks for.
// It refuses what Decide would refuse without regard to the state; the error is
// a *events.Malformed. The request must name its task.
func (p *Preparer) Check(m *events.TaskRequested) (*events.Task, error) {
	pool, err := poolName(m.Pool, nil)
	if err != nil {
		return nil, err
	}
	t := &events.Task{}
	if err := p.task(t, m, &Prepared{pool: pool, taskID: m.TaskId}, events.Envelope{}); err != nil {
		return nil, err
	}
	return t, nil
}

// Valid is Check for those who need no task: it makes one where it costs nothing.
func (p *Preparer) Valid(m *events.TaskRequested) error {
	pool, err := poolName(m.Pool, nil)
	if err != nil {
		return err
	}
	var t events.Task
	return p.task(&t, m, &Prepared{pool: pool, taskID: m.TaskId}, events.Envelope{})
}

// ParseQuantity reads an integer of at least 0 or a quantity such as "64Mi", as
// needs are read.
func ParseQuantity(text string) (int64, bool) { return parseQuantity(text) }
