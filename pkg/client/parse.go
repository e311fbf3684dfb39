package client

import (
	"errors"

	"github.com/spanway/spanway/pkg/events"
)

// ParseRequest reads the JSON form of a task request. The error is *Refused, as
// the scheduler would refuse it.
func ParseRequest(data []byte) (*events.TaskRequested, error) {
	header := func(key, value string) events.Header { return events.Header{Key: key, Value: []byte(value)} }
	_, m, err := events.Decode(&events.Record{Value: data, Headers: []events.Header{
		header(events.HeaderSpecVersion, "1.0"), header(events.HeaderID, "0"), header(events.HeaderSource, "/"),
		header(events.HeaderType, string(events.TypeTaskRequested)), header(events.HeaderContentType, events.ContentJSON),
	}})
	var bad *events.Malformed
	if errors.As(err, &bad) {
		return nil, refusal(bad)
	}
	if err != nil {
		return nil, err
	}
	return m.(*events.TaskRequested), nil
}
