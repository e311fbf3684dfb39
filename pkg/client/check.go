package client

import (
	"errors"

	"github.com/spanway/spanway/pkg/events"
)

// check refuses here, with the same code, what every scheduler would refuse.
func (c *Client) check(r *events.TaskRequested) error {
	_, err := c.checked.Compile(r.Predicate)
	var bad *events.Malformed
	if errors.As(err, &bad) {
		return refusal(bad)
	}
	return err
}
