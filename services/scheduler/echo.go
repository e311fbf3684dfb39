package scheduler

import (
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// echoes tell engines, on their partitions of tasks.assignments, how far their
// reports were read: an engine whose heartbeats are acknowledged but not echoed
// knows that the scheduler is away and that its work is safe.
type echoes struct {
	partition int32
	topics    events.Topics
	encoder   events.Encoder
	// notify sends one, or drops it if its partition takes none now.
	notify func(topic string, partition int32, rec events.Record) bool
	last   time.Time
}

const echoEvery = time.Second

// send tells the partitions of tasks.assignments, once a second, that the
// reports were read up to next.
func (e *echoes) send(now time.Time, next int64, to []int32) {
	if now.Sub(e.last) < echoEvery {
		return
	}
	e.last = now
	rec, err := e.encoder.Encode("echo", &events.EngineEcho{
		Topic: e.topics.Reports(), Partition: e.partition, Next: next, AtMs: now.UnixMilli(),
	})
	if err != nil {
		return // Only text that is not UTF-8 could do that.
	}
	rec.Timestamp = now.UnixMilli()
	for _, partition := range to {
		e.notify(e.topics.Assignments(), partition, rec)
	}
}
