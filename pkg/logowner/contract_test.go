package logowner

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner/logownertest"
)

// holding is a producer that keeps what was sent until it lets go of it.
type holding struct {
	mu      sync.Mutex
	held    bool
	waiting []func()
	arrived map[int32][]string
}

func (h *holding) Send(_ string, partition int32, rec events.Record, done func(int64, error)) {
	arrive := func() {
		h.arrived[partition] = append(h.arrived[partition], string(rec.Value))
		done(int64(len(h.arrived[partition])-1), nil)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held {
		h.waiting = append(h.waiting, arrive)
		return
	}
	arrive()
}

func (h *holding) Close(context.Context) error { return nil }

func (h *holding) hold(held bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = held
	for _, arrive := range h.waiting {
		arrive()
	}
	h.waiting = nil
}

func TestOutboxContract(t *testing.T) {
	t.Parallel()
	logownertest.Outbox(t, func(_ *testing.T, body func(logownertest.OutboxPort)) {
		h := &holding{arrived: map[int32][]string{}}
		body(logownertest.OutboxPort{
			Outbox: newOutbox(h, slog.New(slog.DiscardHandler)), Topic: "out", Bounded: true,
			Hold: h.hold, Settle: func() {},
			Arrived: func(partition int32) []string { return h.arrived[partition] },
		})
	})
}

// late is a log whose pages arrive a while after they were read, and of which no page
// is waited for.
type late struct{ eventlog.Log }

func (l late) Fetch(ctx context.Context, from int64, _ time.Duration) (events.Page, error) {
	page, err := l.Log.Fetch(ctx, from, 0)
	timer := time.NewTimer(5 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return page, err
}

func TestInputsContract(t *testing.T) {
	t.Parallel()
	logownertest.Inputs(t, func(t *testing.T, body func(logownertest.InputsPort)) {
		t.Helper()
		logs := [2]*memlog.Log{memlog.New(), memlog.New()}
		in := newInputs(t, late{logs[1]}, late{logs[0]})
		body(logownertest.InputsPort{
			Inputs: in, Topics: [2]eventlog.TopicPartition{in.reports.at, in.requests.at}, Now: time.Now,
			Append: func(topic int, values ...string) { put(t, logs[topic], values...) },
		})
	})
}

func TestKeeperContract(t *testing.T) {
	t.Parallel()
	logownertest.Keeper(t, func(t *testing.T, body func(logownertest.KeeperPort)) {
		t.Helper()
		g := gated{memlog.New(), make(chan struct{})}
		k := &keeper{ctx: t.Context(), work: &eventlog.Housekeeper{
			Log: memlog.New(), Snapshots: &eventlog.Snapshots{Log: g, Topic: "t"}, Now: time.Now,
		}}
		body(logownertest.KeeperPort{Keeper: k, Settle: func() {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				k.wait()
			}()
			for {
				select {
				case g.gate <- struct{}{}:
				case <-ended:
					return
				}
			}
		}})
	})
}
