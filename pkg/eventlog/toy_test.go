package eventlog_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "t.events"

// toyCore accepts each task ID once and publishes every acceptance.
type toyCore struct {
	seen    map[string]bool
	order   []events.Logged
	version uint32
	knows   uint32 // the newest version
	floor   int64
}

// newerState is a state of a version that is not known.
type newerState struct{ version, known uint32 }

func (e *newerState) Error() string                         { return "a newer state" }
func (e *newerState) NewerVersion() (version, known uint32) { return e.version, e.known }

func newToyCore() eventlog.Core[string] {
	return &toyCore{seen: map[string]bool{}, version: 1, knows: 2}
}

// foldOf is the fold of a core.
func foldOf(newCore func() eventlog.Core[string]) func() eventlog.Fold {
	return func() eventlog.Fold { return newCore() }
}

func newToyFold() eventlog.Fold { return newToyCore() }

func (c *toyCore) Snapshot(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.version))
	for _, l := range c.order {
		id := l.Message.(*events.TaskAccepted).Task.Id
		dst = binary.AppendUvarint(dst, uint64(l.Offset))
		dst = binary.AppendUvarint(dst, uint64(l.Epoch))
		dst = binary.AppendUvarint(dst, uint64(l.N))
		dst = append(binary.AppendUvarint(dst, uint64(len(id))), id...)
	}
	return dst
}

var errToyState = errors.New("not a state of the toy core")

func (c *toyCore) Restore(state []byte) error {
	var bad bool
	next := func() uint64 {
		v, n := binary.Uvarint(state)
		bad = bad || n <= 0
		state = state[max(n, 0):]
		return v
	}
	if c.version = uint32(next()); c.version > c.knows {
		return &newerState{c.version, c.knows}
	}
	for len(state) > 0 && !bad {
		l := events.Logged{Offset: int64(next()), Epoch: uint32(next()), N: uint32(next()), Type: events.TypeTaskAccepted}
		n := next()
		if bad || n > uint64(len(state)) {
			return errToyState
		}
		l.Message = &events.TaskAccepted{Task: &events.Task{Id: string(state[:n]), Pool: "p", Kind: "k"}}
		state = state[n:]
		c.Apply(l)
	}
	if bad {
		return errToyState
	}
	return nil
}

func (c *toyCore) FoldVersion() uint32 { return c.version }

func (c *toyCore) Floor() int64 {
	if c.floor > 0 {
		return c.floor
	}
	return math.MaxInt64
}

func (c *toyCore) Apply(l events.Logged) {
	switch m := l.Message.(type) {
	case *events.LogFoldVersionRaised:
		if m.Version <= c.knows {
			c.version = m.Version
		}
	case *events.LogLossAccepted:
		*c = toyCore{seen: map[string]bool{}, version: c.version, knows: c.knows}
	}
	if m, ok := l.Message.(*events.TaskAccepted); ok {
		c.seen[m.Task.Id] = true
		c.order = append(c.order, l)
	}
}

func (c *toyCore) Decide(in events.Input[string], now events.Clock, emit func(proto.Message)) {
	id := in.Value
	if c.seen[id] {
		return
	}
	emit(&events.TaskAccepted{Task: &events.Task{Id: id, Pool: "p", Kind: "k"}, AtMs: now.Now})
}

func (c *toyCore) Advance(events.Clock, func(proto.Message)) bool { return false }

func (c *toyCore) Publish(l events.Logged, send func(events.Outgoing)) {
	if m, ok := l.Message.(*events.TaskAccepted); ok {
		send(events.Outgoing{Topic: "out", Key: []byte("k"), Message: m})
	}
}

// toyInputs is a list of task IDs; the offset is the index. Its end is told by
// closing drained.
type toyInputs struct {
	ids   []string
	chunk int
	wake  chan struct{}

	mu   sync.Mutex
	next int64
}

func (in *toyInputs) Seek(p map[eventlog.TopicPartition]int64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.next = p[eventlog.TopicPartition{Topic: "in"}]
}

func (in *toyInputs) Next(ctx context.Context, wait eventlog.Wait) (eventlog.Arrivals[string], error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	var a eventlog.Arrivals[string]
	for ; in.next < int64(len(in.ids)) && len(a.Inputs) < in.chunk; in.next++ {
		a.Inputs = append(a.Inputs, events.Input[string]{
			Place: events.Place{Topic: "in", Offset: in.next}, Value: in.ids[in.next],
		})
	}
	if len(a.Inputs) == 0 && wait.For > 0 {
		select {
		case <-in.wake:
		case <-ctx.Done():
			return a, ctx.Err()
		}
	}
	return a, ctx.Err()
}

// toyOutbox is acknowledged at once.
type toyOutbox struct {
	mu   sync.Mutex
	sent []events.Record
	got  chan int // how many were sent, for tests that wait
}

func (o *toyOutbox) Send(_ int64, _ string, _ int32, r events.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, r)
	if o.got != nil {
		o.got <- len(o.sent)
	}
}
func (o *toyOutbox) Room(string, int32) bool   { return true }
func (o *toyOutbox) Through(limit int64) int64 { return limit }
func (o *toyOutbox) Reset()                    {}

type bundle struct {
	log    *memlog.Log
	inputs *toyInputs
	outbox *toyOutbox
	cfg    eventlog.OwnerConfig[string]
	core   *toyCore
}

// setup wires an owner of the toy core over log.
func setup(t testing.TB, log *memlog.Log, ids ...string) *bundle {
	t.Helper()
	b := &bundle{
		log:    log,
		inputs: &toyInputs{ids: ids, chunk: 3, wake: make(chan struct{}, 1)},
		outbox: &toyOutbox{got: make(chan int, 1000)},
	}
	random := rand.New(rand.NewPCG(rand.Uint64(), 2))
	b.cfg = eventlog.OwnerConfig[string]{
		Log: b.log, Topic: topic, Partition: 3,
		Inputs: b.inputs, Outbox: b.outbox, NewCore: newToyCore,
		Encoder: events.Encoder{Source: "/spanway/test/toy"},
		Now:     time.Now,
		Random: func() (id [16]byte) {
			for i := range id {
				id[i] = byte(random.Uint32())
			}
			return id
		},
		Instance: "toy",
		Hooks:    eventlog.Hooks[string]{Owned: func(_ uint32, c eventlog.Core[string]) { b.core = c.(*toyCore) }},
	}
	return b
}

// run starts the owner; stop ends it and returns what Run returned.
func (b *bundle) run(t testing.TB) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- eventlog.NewOwner(b.cfg).Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-result
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

// await waits until n records were published.
func (b *bundle) await(t testing.TB, n int) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case got := <-b.outbox.got:
			if got >= n {
				return
			}
		case <-deadline:
			t.Fatalf("fewer than %d records were published", n)
		}
	}
}

// read folds the whole log.
func read(t testing.TB, log eventlog.Log) (counted []events.Logged, skips map[eventlog.Skip]int, r *eventlog.Reader) {
	t.Helper()
	r = eventlog.NewReader(log, topic, 3)
	skips = map[eventlog.Skip]int{}
	r.OnSkip = func(why eventlog.Skip, records []events.Record) { skips[why] += len(records) }
	if err := r.Barrier(t.Context(), func(l events.Logged, _ *events.Record) { counted = append(counted, l) }); err != nil {
		t.Fatal(err)
	}
	return counted, skips, r
}
