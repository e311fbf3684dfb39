package logowner

import (
	"context"

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
type fragileInputs[I any] struct{ eventlog.Inputs[I] }

func (in fragileInputs[I]) Next(ctx context.Context, wait eventlog.Wait) (eventlog.Arrivals[I], error) {
	a, err := in.Inputs.Next(ctx, wait)
	if len(a.Inputs) > 0 {
		failpoint.Hit(failpoint.InputsRead)
	}
	return a, err
}

// fragileProducer crashes round the publishing of what was decided.
type fragileProducer struct{ Producer }

func (p fragileProducer) Send(topic string, partition int32, rec events.Record, done func(int64, error)) {
	failpoint.Hit(failpoint.PublishSending)
	p.Producer.Send(topic, partition, rec, func(offset int64, err error) {
		if err == nil {
			failpoint.Hit(failpoint.PublishAcked)
		}
		done(offset, err)
	})
}

// fragile puts the points of failure into an owner's ports.
func fragile[I any](cfg *eventlog.OwnerConfig[I], out *outbox) {
	if !failpoint.Enabled {
		return
	}
	cfg.Log = fragileLog{cfg.Log}
	cfg.Inputs = fragileInputs[I]{cfg.Inputs}
	out.producer = fragileProducer{out.producer}
}
