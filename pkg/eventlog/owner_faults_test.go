package eventlog_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// faulty does something else instead of the append with that number.
type faulty struct {
	*memlog.Log
	count   atomic.Int32
	at      int32
	instead func(log *memlog.Log, batch []events.Record) (int64, error)
}

func (l *faulty) Append(ctx context.Context, batch []events.Record) (int64, error) {
	if l.count.Add(1) == l.at {
		return l.instead(l.Log, batch)
	}
	return l.Log.Append(ctx, batch)
}

// refusal is an error that is the records' fault.
type refusal struct{ error }

func (refusal) Refused() bool { return true }

var errTimeout = errors.New("no answer")

func land(log *memlog.Log, batch []events.Record) int64 {
	base, _ := log.Append(context.Background(), batch)
	return base
}

// foreign is a record that belongs to no batch.
func foreign() []events.Record { return []events.Record{{Value: []byte("foreign")}} }

// TestOwnerSurvivesWhatAnAppendMayDo: append 1 is the claim, 2 and 3 the two
// batches of three inputs each.
func TestOwnerSurvivesWhatAnAppendMayDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		at      int32
		instead func(log *memlog.Log, batch []events.Record) (int64, error)
		epoch   uint32 // at the end
	}{
		{"given up, but it landed", 3, func(log *memlog.Log, b []events.Record) (int64, error) {
			land(log, b)
			return 0, errTimeout
		}, 2},
		{"given up, and it is lost", 3, func(*memlog.Log, []events.Record) (int64, error) {
			return 0, errTimeout
		}, 2},
		{"it landed twice and the second place is told", 3, func(log *memlog.Log, b []events.Record) (int64, error) {
			land(log, b)
			return land(log, b), nil
		}, 1},
		{"leftovers of an older owner come between", 3, func(log *memlog.Log, b []events.Record) (int64, error) {
			land(log, foreign())
			return land(log, b), nil
		}, 2},
		{"acknowledged records are lost", 3, func(log *memlog.Log, b []events.Record) (int64, error) {
			log.Lose(2)
			return land(log, b), nil
		}, 2},
		{"the claim landed behind others' records", 1, func(log *memlog.Log, b []events.Record) (int64, error) {
			land(log, foreign())
			return land(log, b), nil
		}, 1},
		{"the claim landed twice", 1, func(log *memlog.Log, b []events.Record) (int64, error) {
			land(log, b)
			return land(log, b), nil
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			log := memlog.New()
			b := setup(t, log, "a", "b", "c", "d", "e", "f")
			b.cfg.Log = &faulty{Log: log, at: c.at, instead: c.instead}
			b.run(t)
			awaitTasks(t, log, 6, c.epoch)
			counted, _, r := read(t, log)
			seen := map[string]int{}
			for _, l := range counted {
				if m, ok := l.Message.(*events.TaskAccepted); ok {
					seen[m.Task.Id]++
				}
			}
			if len(seen) != 6 || r.Judge().Epoch != c.epoch {
				t.Errorf("tasks %v count in epoch %d, want a to f in epoch %d", seen, r.Judge().Epoch, c.epoch)
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("task %s counts %d times", id, n)
				}
			}
		})
	}
}

// awaitTasks waits until n tasks count and the log has come to an epoch. It reads the
// log from its beginning each time, since the log may lose what was read.
func awaitTasks(t *testing.T, log eventlog.Log, n int, epoch uint32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		seen := map[string]bool{}
		r := eventlog.NewReader(log, topic, 3)
		err := r.Barrier(ctx, func(l events.Logged, _ *events.Record) {
			if m, ok := l.Message.(*events.TaskAccepted); ok {
				seen[m.Task.Id] = true
			}
		})
		if err == nil && len(seen) >= n && r.Judge().Epoch >= epoch {
			return
		}
		if err == nil {
			_, err = log.Fetch(ctx, r.Next(), 100*time.Millisecond)
		}
		if err != nil && !eventlog.IsOutOfRange(err) {
			t.Fatalf("after %d of %d tasks in epoch %d: %v", len(seen), n, r.Judge().Epoch, err)
		}
	}
}

func TestOwnerTellsWhoMustAct(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, at int32, err error) error {
		t.Helper()
		b := setup(t, memlog.New(), "a")
		b.cfg.Log = &faulty{Log: b.log, at: at, instead: func(*memlog.Log, []events.Record) (int64, error) { return 0, err }}
		return eventlog.NewOwner(b.cfg).Run(t.Context())
	}
	for _, at := range []int32{1, 2} {
		if err := run(t, at, refusal{errTimeout}); !eventlog.IsRefused(err) {
			t.Errorf("append %d was refused: Run returned %v", at, err)
		}
		if err := run(t, at, errTimeout); !errors.Is(err, errTimeout) {
			t.Errorf("append %d was given up with nothing done before: Run returned %v", at, err)
		}
	}
}

func TestOwnerNoticesANewerClaimWhileIdle(t *testing.T) {
	t.Parallel()
	log := memlog.New()
	first, second := setup(t, log, "a"), setup(t, log, "a", "b")
	ticks := make(chan time.Time, 1)
	var disowned error
	first.cfg.Now = func() time.Time { return <-ticks }
	first.cfg.Hooks.Disowned = func(err error) { disowned = err }
	result := make(chan error, 1)
	go func() { result <- eventlog.NewOwner(first.cfg).Run(t.Context()) }()
	now := time.UnixMilli(1_700_000_000_000)
	for range 3 { // The claim, the beginning, and a round with the only input.
		ticks <- now
	}
	first.await(t, 1)
	second.run(t)
	second.await(t, 2)
	first.inputs.wake <- struct{}{}
	for {
		now = now.Add(time.Second)
		select {
		case ticks <- now:
		case first.inputs.wake <- struct{}{}:
		case err := <-result:
			if !errors.Is(err, eventlog.ErrDisowned) || disowned == nil {
				t.Errorf("Run returned %v and told %v, want ErrDisowned", err, disowned)
			}
			return
		}
	}
}

func TestOwnerRaisesTheAlarmOverALostTail(t *testing.T) {
	t.Parallel()
	log := memlog.New()
	b := setup(t, log, "a", "b")
	lost := make(chan error, 1)
	b.cfg.TailEvery = time.Millisecond
	b.cfg.Hooks.Lost = func(err error) { lost <- err }
	b.run(t)
	b.await(t, 2)
	log.Lose(1)
	for {
		select {
		case err := <-lost:
			var e *eventlog.LostError
			if !errors.As(err, &e) || e.Expected <= e.Found {
				t.Errorf("the alarm is %v", err)
			}
			return
		case b.inputs.wake <- struct{}{}:
		case <-time.After(time.Minute):
			t.Fatal("no alarm")
		}
	}
}

// odd emits what no log can carry.
type oddCore struct{ toyCore }

func (*oddCore) Decide(_ events.Input[string], _ events.Clock, emit func(proto.Message)) {
	emit(&events.Task{})
}

func TestOwnerRefusesAMessageWithoutType(t *testing.T) {
	t.Parallel()
	b := setup(t, memlog.New(), "a")
	b.cfg.NewCore = func() eventlog.Core[string] { return &oddCore{} }
	b.cfg.Hooks = eventlog.Hooks[string]{}
	if err := eventlog.NewOwner(b.cfg).Run(t.Context()); err == nil || b.log.End() != 1 {
		t.Errorf("Run returned %v with %d records in the log, want an error and the claim alone", err, b.log.End())
	}
}
