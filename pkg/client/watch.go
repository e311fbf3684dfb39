package client

import (
	"context"
	"fmt"
	"time"

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

// EventOf is an event that a reader of tasks.events gave, for its caller to keep.
func EventOf(topic string, partition int32, l events.Logged, rec *events.Record) Event {
	kept := *rec // The reader uses its own again.
	return Event{Topic: topic, Partition: partition, Logged: l, AtMs: atMs(l.Message, rec), Record: &kept}
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
		if l.Message == nil || w.pool != "" && PoolOf(l.Message) != w.pool {
			return
		}
		batch = append(batch, EventOf(c.topics.Events(), w.partition, l, rec))
	})
	return batch, err
}

// merge polls all sources at once and hands what they give to see, one by one,
// until ctx ends or see fails. A source that fails is asked again.
func merge[S, T any](ctx context.Context, sources []S, poll func(context.Context, S) ([]T, error), see func(T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen := make(chan []T)
	stopped := make(chan struct{})
	for _, s := range sources {
		go func() {
			defer func() { stopped <- struct{}{} }()
			for ctx.Err() == nil {
				pollInto(ctx, s, poll, seen)
			}
		}()
	}
	var failed error
	for running := len(sources); running > 0; {
		select {
		case batch := <-seen:
			for i := 0; i < len(batch) && failed == nil; i++ {
				failed = see(batch[i])
			}
			if failed != nil {
				cancel()
			}
		case <-stopped:
			running--
		}
	}
	return failed
}

func pollInto[S, T any](ctx context.Context, s S, poll func(context.Context, S) ([]T, error), seen chan<- []T) {
	batch, err := poll(ctx, s)
	if len(batch) > 0 {
		select {
		case seen <- batch:
		case <-ctx.Done():
		}
	}
	if err != nil {
		select {
		case <-time.After(tailPause):
		case <-ctx.Done():
		}
	}
}

// PoolOf returns the pool that an event is about; empty for what is about the log.
func PoolOf(m proto.Message) events.Pool {
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

// ResultOf returns how a task ended, if the event is its end.
func ResultOf(e Event) (Result, bool) {
	if m, ok := e.Message.(*events.TaskRejected); ok && ofRequest(m) {
		r := resultOfRejected(m)
		r.Offset = e.Offset
		return r, true
	}
	return resultOf(e.Logged)
}

// ofRequest tells the refusal of a task from that of a command about one.
func ofRequest(m *events.TaskRejected) bool {
	return m.RequestType == "" || m.RequestType == string(events.TypeTaskRequested)
}
