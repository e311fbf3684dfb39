package eventlogtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

const topic = "suite.events"

var encoder = events.Encoder{Source: "/spanway/test/eventlogtest"}

// claim makes a claim decided on judge's history.
func claim(judge eventlog.Judge, at int64, id byte) events.Record {
	return sealed(eventlog.Header{At: at, Prev: judge.History, Epoch: judge.Epoch + 1},
		&events.LogClaimed{ClaimId: append(make([]byte, 15), id)})[0]
}

// batch makes a batch of one event decided on judge's history.
func batch(judge eventlog.Judge, at int64, taskID string) []events.Record {
	return sealed(eventlog.Header{At: at, Prev: judge.History, Epoch: judge.Epoch},
		&events.TaskAccepted{Task: &events.Task{Id: taskID}})
}

func sealed(h eventlog.Header, m proto.Message) []events.Record {
	r, err := encoder.Encode(fmt.Sprintf("%s/0/%d/0", topic, h.Epoch), m)
	if err != nil {
		panic(err) // A mistake in this file.
	}
	r.Timestamp = 1_700_000_000_000
	h.Records, h.Hash = 1, eventlog.Hash(h.Prev, []events.Record{r})
	r.Headers = append(r.Headers, events.Header{Key: events.HeaderLog, Value: h.Append(nil)})
	return []events.Record{r}
}

// judged is what a reader makes of the whole log.
type judged struct {
	judge   eventlog.Judge
	tasks   []string
	skipped map[eventlog.Skip]int
}

func judge(t *testing.T, log eventlog.Log) judged {
	t.Helper()
	out := judged{skipped: map[eventlog.Skip]int{}}
	r := eventlog.NewReader(log, topic, 0)
	r.OnSkip = func(why eventlog.Skip, records []events.Record) { out.skipped[why] += len(records) }
	err := r.Barrier(within(t), func(l events.Logged, _ *events.Record) {
		if m, ok := l.Message.(*events.TaskAccepted); ok {
			out.tasks = append(out.tasks, m.Task.Id)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	out.judge = r.Judge()
	return out
}

func twoClaimants(t *testing.T, open func() eventlog.Log) {
	var both sync.WaitGroup
	ctx := within(t)
	for id := range byte(2) {
		log := open()
		both.Go(func() {
			if _, err := log.Append(ctx, []events.Record{claim(eventlog.Judge{}, 0, id+1)}); err != nil {
				t.Errorf("claim: %v", err)
			}
		})
	}
	both.Wait()
	a, b := judge(t, open()), judge(t, open())
	if a.judge != b.judge || a.judge.Epoch != 1 || a.judge.Claim == (eventlog.ClaimID{}) || a.judge.ClaimedAt != 0 {
		t.Errorf("two readers judged %+v and %+v, want the same first claim", a.judge, b.judge)
	}
	if a.skipped[eventlog.SkipOldEpoch] != 1 {
		t.Errorf("skipped %v, want the second claim", a.skipped)
	}
}

func zombie(t *testing.T, open func() eventlog.Log) {
	old, young := open(), open()
	appendAt(t, old, 0, claim(eventlog.Judge{}, 0, 1))
	owner := judge(t, old).judge
	appendAt(t, old, 1, batch(owner, 1, "a")...)
	before := judge(t, young).judge
	appendAt(t, young, 2, claim(before, 2, 2))
	appendAt(t, old, 3, batch(before, 2, "zombie")...)
	appendAt(t, young, 4, batch(judge(t, young).judge, 4, "b")...)
	got := judge(t, open())
	if fmt.Sprint(got.tasks) != "[a b]" || got.skipped[eventlog.SkipOldEpoch] != 1 || len(got.skipped) != 1 {
		t.Errorf("tasks %v count, %v are skipped; want a and b, and one record of an old epoch", got.tasks, got.skipped)
	}
}

func repeated(t *testing.T, open func() eventlog.Log) {
	log := open()
	first := claim(eventlog.Judge{}, 0, 1)
	appendAt(t, log, 0, first)
	appendAt(t, log, 1, first)
	again := batch(judge(t, log).judge, 2, "a")
	appendAt(t, log, 2, again...)
	appendAt(t, log, 3, again...)
	got := judge(t, log)
	if fmt.Sprint(got.tasks) != "[a]" || got.skipped[eventlog.SkipOldEpoch] != 1 || got.skipped[eventlog.SkipOtherHistory] != 1 {
		t.Errorf("tasks %v count, %v are skipped; want a once, and both repeats skipped", got.tasks, got.skipped)
	}
}

// handOver runs the owner's runtime: a second owner takes the log from a first
// one that still lives, and every input takes effect once.
func handOver(t *testing.T, open func() eventlog.Log) {
	const inputs = 40
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	first, second := newOwner(open(), 1, inputs/2), newOwner(open(), 2, inputs)
	results := make(chan error, 2)
	go func() { results <- first.Run(ctx) }()
	first.await(t)
	go func() { results <- second.Run(ctx) }()
	second.await(t)
	if err := <-results; !errors.Is(err, eventlog.ErrDisowned) {
		t.Errorf("the first owner ended with %v, want ErrDisowned", err)
	}
	cancel()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("the second owner ended with %v, want context.Canceled", err)
	}
	got := judge(t, open())
	if len(got.tasks) != inputs || got.judge.Epoch != 2 {
		t.Fatalf("%d tasks in epoch %d, want %d in epoch 2", len(got.tasks), got.judge.Epoch, inputs)
	}
	for i, id := range got.tasks {
		if id != fmt.Sprint(i) {
			t.Errorf("task %d is %q", i, id)
		}
	}
}

// owner runs the runtime over a core that accepts every input, and over inputs
// that are the numbers below limit.
type owner struct {
	*eventlog.Owner[struct{}]
	next, limit int64
	done        chan struct{}
	once        sync.Once
}

func newOwner(log eventlog.Log, id byte, limit int64) *owner {
	o := &owner{limit: limit, done: make(chan struct{})}
	o.Owner = eventlog.NewOwner(eventlog.OwnerConfig[struct{}]{
		Log: log, Topic: topic, Inputs: o, Outbox: o, Encoder: encoder,
		NewCore: func() eventlog.Core[struct{}] { return o },
		Now:     time.Now,
		Random:  func() [16]byte { return [16]byte{id} },
	})
	return o
}

func (o *owner) await(t *testing.T) {
	t.Helper()
	select {
	case <-o.done:
	case <-within(t).Done():
		t.Fatal("the owner did not come through its inputs")
	}
}

func (o *owner) Seek(p map[eventlog.TopicPartition]int64) {
	o.next = p[eventlog.TopicPartition{Topic: "in"}]
}

func (o *owner) Next(ctx context.Context, wait eventlog.Wait) (eventlog.Arrivals[struct{}], error) {
	var a eventlog.Arrivals[struct{}]
	for ; o.next < o.limit && len(a.Inputs) < 7; o.next++ {
		a.Inputs = append(a.Inputs, events.Input[struct{}]{Place: events.Place{Topic: "in", Offset: o.next}})
	}
	if len(a.Inputs) > 0 || wait.For == 0 {
		return a, ctx.Err()
	}
	o.once.Do(func() { close(o.done) }) // Idle: everything before was appended.
	timer := time.NewTimer(wait.For)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return a, ctx.Err()
}

func (o *owner) Apply(events.Logged)        {}
func (o *owner) Snapshot(dst []byte) []byte { return dst }
func (o *owner) Restore([]byte) error       { return nil }
func (o *owner) FoldVersion() uint32        { return 1 }
func (o *owner) Floor() int64               { return math.MaxInt64 }

func (o *owner) Decide(in events.Input[struct{}], now events.Clock, emit func(proto.Message)) {
	emit(&events.TaskAccepted{Task: &events.Task{Id: fmt.Sprint(in.Offset)}, AtMs: now.Now})
}

func (o *owner) Advance(events.Clock, func(proto.Message)) bool { return false }
func (o *owner) Publish(events.Logged, func(events.Outgoing))   {}

func (o *owner) Send(int64, string, int32, events.Record) {}
func (o *owner) Room(string, int32) bool                  { return true }
func (o *owner) Through(limit int64) int64                { return limit }
func (o *owner) Reset()                                   {}
