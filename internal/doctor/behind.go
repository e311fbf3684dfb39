package doctor

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// errNoPlace is of a log whose end does not say where its owner reads on.
var errNoPlace = errors.New("the last records of the log do not say where its owner reads on")

// undecided is how many records of an input stand behind those that the owners of a log have
// decided, as the last batches of that log say. Reports of engines are not asked for: most are
// heartbeats, of which nothing is written.
func (c Config) undecided(input, log string) func(context.Context) (int64, error) {
	return func(ctx context.Context) (lag int64, err error) {
		n, err := c.Kafka.Partitions(ctx, input)
		for p := int32(0); p < n && err == nil; p++ {
			var start, end, next int64
			if start, end, err = c.Kafka.Offsets(ctx, input, p); err == nil && start < end {
				next, err = c.place(ctx, log, p, eventlog.TopicPartition{Topic: input, Partition: p})
				lag += end - min(end, max(start, next))
			}
		}
		return lag, err
	}
}

// tails are how many of the last records of a log are read until one has the positions: the
// first of a batch has them, and a batch may be long.
var tails = []int64{64, 2048, 65536}

// place is where the owner of a log reads on in an input. A batch that does not count is of
// an owner that was behind, so the highest of the last ones is meant; 0 if the log is empty.
func (c Config) place(ctx context.Context, log string, p int32, of eventlog.TopicPartition) (next int64, err error) {
	start, end, err := c.Kafka.Offsets(ctx, log, p)
	if err != nil || start == end {
		return 0, err
	}
	at, known := c.Kafka.Partition(log, p), false
	for _, n := range tails {
		from := max(start, end-n)
		err := c.read(ctx, at, from, end, func(r *events.Record) {
			text, ok := r.Header(events.HeaderInputs)
			if !ok {
				return
			}
			if positions, err := eventlog.ParsePositions(text); err == nil {
				next, known = max(next, positions.Map()[of]), true
			}
		})
		switch {
		case err != nil:
			return 0, err
		case known, from == 0: // Nothing was decided yet.
			return next, nil
		case from == start:
			return 0, errNoPlace
		}
	}
	return 0, errNoPlace
}

// read shows what a partition holds from an offset up to another one.
func (c Config) read(ctx context.Context, log *kafka.Partition, from, end int64, see func(*events.Record)) error {
	for from < end {
		page, err := log.Fetch(ctx, from, time.Second)
		if err != nil {
			return err
		}
		for i := range page.Records {
			see(&page.Records[i])
		}
		from = page.Next
	}
	return nil
}

// copies are the topics that replicators write here, and how many records of the sources they
// have not copied, as they reported last.
func (c Config) copies(ctx context.Context) (targets []string, lag int64, err error) {
	topic := events.Topics{Prefix: c.Prefix}.ReplicationStatus()
	start, end, err := c.Kafka.Offsets(ctx, topic, 0)
	if err != nil {
		return nil, 0, err
	}
	newest := map[string]*events.ReplicationCopyReported{}
	err = c.read(ctx, c.Kafka.Partition(topic, 0), start, end, func(r *events.Record) {
		delete(newest, string(r.Key))
		if _, m, err := events.Decode(r); err == nil {
			if m, ok := m.(*events.ReplicationCopyReported); ok {
				newest[string(r.Key)] = m
			}
		}
	})
	names := map[string]bool{}
	for _, m := range newest {
		if m.TargetTopic != "" {
			names[m.TargetTopic] = true
		}
		if !m.LagUnknown {
			lag += max(0, m.SourceEnd-max(m.Next, m.SourceStart))
		}
	}
	return slices.Sorted(maps.Keys(names)), lag, err
}
