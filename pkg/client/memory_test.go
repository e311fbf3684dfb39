package client

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// memory is a broker of logs in memory. It is safe for concurrent use.
type memory struct {
	mu   sync.Mutex
	logs map[events.Place]*memlog.Log
	// fault, if set, is what a fetch of tasks.events fails with, and fails is how often one
	// was set: one that waits meanwhile fails, too.
	fault, failed error
	fails         int
	// fetched is told of each fetch of tasks.events that waits for what comes: from
	// where, before it is done. One that does not wait may only look for the end, so
	// where it reads from says nothing of what the client has seen.
	fetched chan int64
}

func newMemory() *memory {
	return &memory{logs: map[events.Place]*memlog.Log{}, fetched: make(chan int64)}
}

func (m *memory) log(topic string, partition int32) *memlog.Log {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := events.Place{Topic: topic, Partition: partition}
	if m.logs[at] == nil {
		m.logs[at] = memlog.New()
	}
	return m.logs[at]
}

func (m *memory) Log(topic string, partition int32) eventlog.Log {
	log := m.log(topic, partition)
	if topic != topics.Events() {
		return log
	}
	return &watched{log, m}
}

func (m *memory) Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	return eventlog.Bounds(ctx, m.log(topic, partition))
}

func (m *memory) Topics(context.Context, string) ([]TopicInfo, error) {
	return []TopicInfo{{Name: topics.Events(), Partitions: events.PoolPartitions}}, nil
}

func (m *memory) Hidden(context.Context, string) error { return nil }

func (m *memory) Writable(context.Context, int32) error { return nil }

func (m *memory) Send(_ context.Context, topic string, partition int32, r events.Record, done func(int64, error)) {
	offset, err := m.log(topic, partition).Append(context.Background(), []events.Record{r})
	go done(offset, err)
}

func (m *memory) Close(context.Context) error { return nil }

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = err
	if err != nil {
		m.failed = err
		m.fails++
	}
}

// failing returns the fault that there is, or was since so many were counted.
func (m *memory) failing(since int) (fails int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails > since {
		return m.fails, m.failed
	}
	return m.fails, m.fault
}

// watched is tasks.events as a client reads it.
type watched struct {
	*memlog.Log
	memory *memory
}

func (w *watched) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	fails, fault := w.memory.failing(math.MaxInt)
	if fault != nil {
		return events.Page{}, fault
	}
	if wait > 0 {
		select {
		case w.memory.fetched <- from:
		default:
		}
	}
	page, err := w.Log.Fetch(ctx, from, wait)
	if _, fault := w.memory.failing(fails); fault != nil {
		return events.Page{}, fault
	}
	return page, err
}

var topics = events.Topics{Prefix: events.DefaultPrefix}

// desk is a client on a memory, and the owner of its pool's log, which is played by
// hand.
type desk struct {
	*Client
	t         *testing.T
	memory    *memory
	log       *memlog.Log
	partition int32
	judge     eventlog.Judge
	claims    byte
}

func newDesk(t *testing.T, change ...func(*Config)) *desk {
	t.Helper()
	m, p := newMemory(), events.PoolPartition(events.DefaultPool)
	var cfg Config
	for _, c := range change {
		c(&cfg)
	}
	d := &desk{Client: newClient(cfg.withDefaults(), m), t: t, memory: m, log: m.log(topics.Events(), p), partition: p}
	t.Cleanup(func() { _ = d.Close(context.Background()) })
	d.claim()
	return d
}

// claim begins the next epoch on what the log holds.
func (d *desk) claim() {
	d.t.Helper()
	r := eventlog.NewReader(d.log, topics.Events(), d.partition)
	if err := r.Barrier(d.t.Context(), nil); err != nil {
		d.t.Fatal(err)
	}
	d.judge = r.Judge()
	d.claims++
	d.append(d.judge.Epoch+1, -1, &events.LogClaimed{ClaimId: append(make([]byte, 15), d.claims)})
	d.judge.Epoch++
}

// decide appends a batch that counts, by which the requests below an offset are decided.
func (d *desk) decide(requests int64, messages ...proto.Message) {
	d.t.Helper()
	d.append(d.judge.Epoch, requests, messages...)
}

func (d *desk) append(epoch uint32, requests int64, messages ...proto.Message) {
	d.t.Helper()
	h := eventlog.Header{At: d.log.End(), Prev: d.judge.History, Epoch: epoch, Records: uint32(len(messages))}
	var batch []events.Record
	for i, m := range messages {
		r, err := events.Encoder{Source: "/test"}.Encode(fmt.Sprintf("t/0/%d/%d", epoch, h.At+int64(i)), m)
		if err != nil {
			d.t.Fatal(err)
		}
		batch = append(batch, r)
	}
	h.Hash = eventlog.Hash(h.Prev, batch)
	head := []events.Header{{Key: events.HeaderLog, Value: h.Append(nil)}}
	if requests >= 0 {
		var inputs eventlog.Positions
		inputs.Set(topics.Requests(), d.partition, requests)
		head = append(head, events.Header{Key: events.HeaderInputs, Value: inputs.Append(nil)})
	}
	batch[0].Headers = append(batch[0].Headers, head...)
	if _, err := d.log.Append(d.t.Context(), batch); err != nil {
		d.t.Fatal(err)
	}
	d.judge.History = h.Hash
}

// read waits until the client reads from there on, and so has seen what is before.
func (d *desk) read(from int64) {
	d.t.Helper()
	for {
		select {
		case at := <-d.memory.fetched:
			if at >= from {
				return
			}
		case <-d.t.Context().Done():
			d.t.Fatalf("the client did not read from %d on", from)
		}
	}
}

// asked waits until so many requests stand in the log.
func (d *desk) requested(n int64) {
	d.t.Helper()
	log := d.memory.log(topics.Requests(), d.partition)
	for from := int64(0); from < n; {
		page, err := log.Fetch(d.t.Context(), from, time.Second)
		if err != nil {
			d.t.Fatal(err)
		}
		from = page.Next
	}
}

func accepted(id string) proto.Message {
	return &events.TaskAccepted{Task: &events.Task{Id: id, Pool: string(events.DefaultPool), Kind: "k"}, AtMs: 1}
}

func succeeded(id, result string) proto.Message {
	return &events.TaskSucceeded{TaskId: id, Pool: string(events.DefaultPool), Result: []byte(result), AtMs: 2}
}

func cancelled(id string) proto.Message {
	return &events.TaskCancelled{TaskId: id, Pool: string(events.DefaultPool), AtMs: 2}
}
