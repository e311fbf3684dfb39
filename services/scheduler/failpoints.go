package scheduler

import (
	"context"
	"time"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// fragileLog crashes where tests want it to; a program built without failpoints
// does not have it.
type fragileLog struct{ eventlog.Log }

func (l fragileLog) Append(ctx context.Context, batch []events.Record) (int64, error) {
	failpoint.Hit(failpoint.LogAppending)
	base, err := l.Log.Append(ctx, batch)
	switch {
	case err != nil:
	case events.TypeOfRecord(&batch[0]) == events.TypeLogClaimed:
		failpoint.Hit(failpoint.ClaimAppended)
	default:
		failpoint.Hit(failpoint.LogAppended)
	}
	return base, err
}

// fragileInputs crashes between reading and deciding.
type fragileInputs struct{ eventlog.Inputs[input] }

func (in fragileInputs) Next(ctx context.Context, wait time.Duration) (eventlog.Arrivals[input], error) {
	a, err := in.Inputs.Next(ctx, wait)
	if len(a.Inputs) > 0 {
		failpoint.Hit(failpoint.InputsRead)
	}
	return a, err
}

// fragileSender crashes round the publishing of what was decided.
type fragileSender struct{ sender }

func (s fragileSender) Send(topic string, partition int32, rec events.Record, done func(int64, error)) {
	failpoint.Hit(failpoint.PublishSending)
	s.sender.Send(topic, partition, rec, func(offset int64, err error) {
		if err == nil {
			failpoint.Hit(failpoint.PublishAcked)
		}
		done(offset, err)
	})
}

// fragile puts the points of failure into an owner's ports.
func fragile(cfg *eventlog.OwnerConfig[input]) {
	if !failpoint.Enabled {
		return
	}
	cfg.Log = fragileLog{cfg.Log}
	cfg.Inputs = fragileInputs{cfg.Inputs}
	if o, ok := cfg.Outbox.(*outbox); ok {
		o.sender = fragileSender{o.sender}
	}
}
