package client

import (
	"errors"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Validate refuses a request that every scheduler would refuse for its form or its
// time, with the same code (*Refused): it is the scheduler's own check, and needs no
// broker. Submit does it by itself.
func (c *Client) Validate(r *events.TaskRequested) error {
	name(r)
	return refused(c.checks.Valid(r, time.Now().UnixMilli()))
}

// checkTask refuses what no scheduler accepts as a pool or as the ID of a task: the end of
// such a task would be waited for in vain.
func checkTask(pool events.Pool, id events.TaskID) error {
	err := events.CheckID("pool", string(pool))
	if err == nil {
		err = events.CheckID("taskId", string(id))
	}
	return refused(err)
}

func name(r *events.TaskRequested) {
	if r.TaskId == "" {
		r.TaskId = newID()
	}
}

func refused(err error) error {
	var bad *events.Malformed
	if errors.As(err, &bad) {
		return refusal(bad)
	}
	return err
}
