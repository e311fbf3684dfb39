package network

import (
	"errors"

	"github.com/spanway/spanway/pkg/events"
)

// Prepare makes a command of a record of network.requests.
func Prepare(_ string, _ int32, r *events.Record) Command {
	env, m, err := events.Decode(r)
	if err == nil {
		return Command{ID: env.ID, Message: m, Trace: env.Trace()}
	}
	var bad *events.Malformed
	if !errors.As(err, &bad) {
		bad = events.Refuse(events.CodeBadData, "%v", err)
	}
	return Command{ID: env.ID, Err: bad}
}
