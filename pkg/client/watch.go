package client

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Event is an event that counts, at its place in tasks.events.
type Event struct {
	Topic     string
	Partition int32
	events.Logged
	// AtMs is when it was decided, in milliseconds since the Unix epoch.
	AtMs int64
	// Record is what it came in; it must not be changed.
	Record *events.Record
}

// WatchConfig says which events to watch.
type WatchConfig struct {
	// Pool restricts it to the events of one pool; all pools if empty.
	Pool events.Pool
	// FromStart begins with the first event that is kept, instead of now.
	FromStart bool
	// Began, if set, is called once all that happens from then on will be seen.
	Began func()
}

// Watch calls see for each event that counts, in order within a partition and
// never twice at once, until ctx ends or see returns an error, which it
// returns; the end of ctx is no error. It waits out a broker that is away.
func (c *Client) Watch(ctx context.Context, cfg WatchConfig, see func(Event) error) error {
	watchers, err := c.watchFrom(ctx, cfg)
	if err != nil {
		return err
	}
	if cfg.Began != nil {
		cfg.Began()
	}
	return merge(ctx, watchers, c.watchOne, see)
}

// watcher reads one partition.
type watcher struct {
	reader    *eventlog.Reader
	partition int32
	pool      events.Pool
}

func (c *Client) watchFrom(ctx context.Context, cfg WatchConfig) ([]watcher, error) {
	topic := c.topics.Events()
	var watchers []watcher
	for _, p := range c.partitionsOf(cfg.Pool) {
		start, end, err := c.Offsets(ctx, topic, p)
		if err != nil {
			return nil, err
		}
		if cfg.FromStart {
			end = start
		}
		r := eventlog.NewReaderAt(c.broker.Log(topic, p), topic, p, end)
		watchers = append(watchers, watcher{r, p, cfg.Pool})
	}
	return watchers, nil
}

// partitionsOf lists the partitions that a pool is on; all, if none is named.
func (c *Client) partitionsOf(pool events.Pool) []int32 {
	if pool != "" {
		return []int32{events.PoolPartition(pool)}
	}
	all := make([]int32, events.PoolPartitions)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

func (c *Client) watchOne(ctx context.Context, w watcher) ([]Event, error) {
	var batch []Event
	err := w.reader.Poll(ctx, tailWait, func(l events.Logged, rec *events.Record) {
		if l.Message == nil || w.pool != "" && poolOf(l.Message) != w.pool {
			return
		}
		kept := *rec // The reader uses its own again.
		batch = append(batch, Event{
			Topic: c.topics.Events(), Partition: w.partition, Logged: l, AtMs: atMs(l.Message, rec), Record: &kept,
		})
	})
	return batch, err
}

// poolOf returns the pool that an event is about; empty for what is about the log.
func poolOf(m proto.Message) events.Pool {
	switch m := m.(type) {
	case *events.TaskAccepted:
		return events.Pool(m.Task.GetPool())
	case *events.EngineRegistered:
		return events.Pool(m.Engine.GetPool())
	case interface{ GetPool() string }:
		return events.Pool(m.GetPool())
	}
	return ""
}

// TaskOf returns the task that an event is about, or "".
func TaskOf(m proto.Message) events.TaskID {
	switch m := m.(type) {
	case *events.TaskAccepted:
		return events.TaskID(m.Task.GetId())
	case interface{ GetTaskId() string }:
		return events.TaskID(m.GetTaskId())
	}
	return ""
}

// EngineOf returns the engine that an event is about, or "".
func EngineOf(m proto.Message) events.EngineID {
	switch m := m.(type) {
	case *events.EngineRegistered:
		return events.EngineID(m.Engine.GetId())
	case interface{ GetEngineId() string }:
		return events.EngineID(m.GetEngineId())
	}
	return ""
}

func atMs(m proto.Message, r *events.Record) int64 {
	if at, ok := m.(interface{ GetAtMs() int64 }); ok && at.GetAtMs() != 0 {
		return at.GetAtMs()
	}
	return r.Timestamp
}

// At is the event's place as it is written: TOPIC/PARTITION@OFFSET.
func (e Event) At() string { return fmt.Sprintf("%s/%d@%d", e.Topic, e.Partition, e.Offset) }
