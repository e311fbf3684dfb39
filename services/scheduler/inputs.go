package scheduler

import (
	"context"

	"github.com/spanway/spanway/pkg/eventlog"
)

// inputs looks at what the owner is handed: for its spans, and for engines that have
// seen more of the log than there is. It is used by the owner's goroutine alone.
type inputs struct {
	eventlog.Inputs[input]
	// witnesses look at the reports; held is what waits while the owner heeds one.
	witnesses witnesses
	held      *eventlog.Arrivals[input]
	// traces is told of what is handed out.
	traces *traces
}

// Seek implements eventlog.Inputs.
func (in *inputs) Seek(positions map[eventlog.TopicPartition]int64) {
	in.held = nil
	in.Inputs.Seek(positions)
}

// Next implements eventlog.Inputs.
func (in *inputs) Next(ctx context.Context, wait eventlog.Wait) (eventlog.Arrivals[input], error) {
	if held := in.held; held != nil {
		in.held = nil
		return *held, nil
	}
	in.traces.decided()
	a, err := in.Inputs.Next(ctx, wait)
	if err != nil {
		return a, err
	}
	in.traces.arrive(a.Inputs)
	for i := range a.Inputs {
		in.witnesses.look(a.Inputs[i].Value)
	}
	if err := in.witnesses.take(); err != nil {
		in.held = &a
		return eventlog.Arrivals[input]{}, err
	}
	return a, nil
}
