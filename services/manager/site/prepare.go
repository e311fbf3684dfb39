package site

import (
	"errors"

	"github.com/spanway/spanway/pkg/events"
)

// Prepare makes an input of a record of network.inbox.
func Prepare(_ string, _ int32, r *events.Record) Input {
	env, m, err := events.Decode(r)
	if err == nil {
		return Input{ID: env.ID, Message: m}
	}
	var bad *events.Malformed
	if !errors.As(err, &bad) {
		bad = events.Refuse(events.CodeBadData, "%v", err)
	}
	return Input{ID: env.ID, Err: bad}
}
