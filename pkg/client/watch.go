package client

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/telemetry/trouble"
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
	// Rewound, if set, is called when the log has lost what stood from there on:
	// what was seen of it does not hold, and what stands there now comes next.
	Rewound func(from events.Place)
}

// Watch calls see for each event that counts, in order within a partition and
// never twice at once, until ctx ends or see returns an error, which it
// returns; the end of ctx is no error. The error is *Refused if no pool may have that
// name. It waits out a broker that is away. An error
// of the log that trying again does not mend (eventlog.Final), such as a missing
// right or events that were deleted before they were seen, ends it.
func (c *Client) Watch(ctx context.Context, cfg WatchConfig, see func(Event) error) error {
	if err := refused(events.CheckOptionalID("pool", string(cfg.Pool))); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := &watch{client: c, cfg: cfg, see: see, stop: stop}
	var followers []*eventlog.Follower
	for _, p := range c.partitionsOf(cfg.Pool) {
		f, try := w.follower(p)
		defer try.End()
		if err := f.Begin(ctx); err != nil {
			return err
		}
		followers = append(followers, f)
	}
	if cfg.Began != nil {
		cfg.Began()
	}
	var running sync.WaitGroup
	for _, f := range followers {
		running.Go(func() {
			if err := f.Run(ctx); ctx.Err() == nil {
				w.fail(err)
			}
		})
	}
	running.Wait()
	return w.failed
}

// watch hands what several followers see to one caller.
type watch struct {
	client *Client
	cfg    WatchConfig
	stop   context.CancelFunc

	mu     sync.Mutex
	see    func(Event) error
	failed error
}

func (w *watch) follower(partition int32) (*eventlog.Follower, *trouble.Try) {
	from, topic := eventlog.AtEnd, w.client.topics.Events()
	if w.cfg.FromStart {
		from = eventlog.AtStart
	}
	return w.client.follower(partition, from, eventlog.FollowerHooks{
		Visit: func(l events.Logged, rec *events.Record) {
			if l.Message != nil && (w.cfg.Pool == "" || PoolOf(l.Message) == w.cfg.Pool) {
				w.take(EventOf(topic, partition, l, rec))
			}
		},
		Began: func(b eventlog.Beginning) {
			if b.Before > b.At {
				w.rewound(events.Place{Topic: topic, Partition: partition, Offset: b.At})
			}
		},
	})
}

func (w *watch) take(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return
	}
	if w.failed = w.see(e); w.failed != nil {
		w.stop()
	}
}

func (w *watch) rewound(from events.Place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil && w.cfg.Rewound != nil {
		w.cfg.Rewound(from)
	}
}

func (w *watch) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = err
	}
	w.stop()
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
