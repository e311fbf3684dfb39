package client

import (
	"errors"

	"github.com/spanway/spanway/pkg/events"
)

// Validate refuses a request that every scheduler would refuse, with the same
// code (*Refused): it is the scheduler's own check. It asks nobody. Submit does it
// by itself.
func (c *Client) Validate(r *events.TaskRequested) error {
	_, err := c.task(r)
	return err
}

// task is what a request asks for.
func (c *Client) task(r *events.TaskRequested) (*events.Task, error) {
	if r.TaskId == "" {
		r.TaskId = newID()
	}
	t, err := c.checks.Check(r)
	var bad *events.Malformed
	if errors.As(err, &bad) {
		return nil, refusal(bad)
	}
	return t, err
}
