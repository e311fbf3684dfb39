package eventlog_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// nullLog acknowledges and forgets: what is left is the owner's own cost.
type nullLog struct {
	end   int64
	claim []events.Record
}

func (l *nullLog) Append(_ context.Context, batch []events.Record) (int64, error) {
	base := l.end
	if base == 0 {
		l.claim = append(l.claim, batch...)
	}
	l.end += int64(len(batch))
	return base, nil
}

func (l *nullLog) Fetch(_ context.Context, from int64, _ time.Duration) (events.Page, error) {
	p := events.Page{Next: l.end, End: l.end}
	if from == 0 {
		p.Records = l.claim
	}
	return p, nil
}

// BenchmarkOwner decides b.N inputs, one event and one published copy each.
func BenchmarkOwner(b *testing.B) {
	ids := make([]string, b.N)
	for i := range ids {
		ids[i] = fmt.Sprintf("task-%d", i)
	}
	bundle := setup(b, nil, ids...)
	bundle.cfg.Log = &nullLog{}
	bundle.cfg.TailEvery = time.Hour
	bundle.inputs.chunk = 5000
	bundle.cfg.Outbox = nullOutbox{}
	appended := 0
	ctx, cancel := context.WithCancel(context.Background())
	bundle.cfg.Hooks.Appended = func(events, _ int) {
		if appended += events; appended >= b.N {
			cancel()
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	_ = eventlog.NewOwner(bundle.cfg).Run(ctx)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// nullOutbox sends nothing, and has had it acknowledged unless it is stuck.
type nullOutbox struct{ stuck bool }

func (nullOutbox) Send(int64, string, int32, events.Record) {}
func (nullOutbox) Reset()                                   {}

func (o nullOutbox) Room(string, int32) bool { return true }

func (o nullOutbox) Through(limit int64) int64 {
	if o.stuck {
		return 0
	}
	return limit
}

// BenchmarkReader folds b.N events in batches of 500 into the toy core.
func BenchmarkReader(b *testing.B) {
	log, ids := memlog.New(), make([]string, b.N)
	for i := range ids {
		ids[i] = fmt.Sprintf("task-%d", i)
	}
	bundle := setup(b, log, ids...)
	bundle.inputs.chunk = 500
	bundle.cfg.Outbox = nullOutbox{}
	ctx, cancel := context.WithCancel(context.Background())
	bundle.cfg.Hooks.Appended = func(int, int) {
		if log.End() > int64(b.N) {
			cancel()
		}
	}
	_ = eventlog.NewOwner(bundle.cfg).Run(ctx)
	core := newToyCore()
	b.ReportAllocs()
	b.ResetTimer()
	r := eventlog.NewReader(log, topic, 3)
	if err := r.Barrier(b.Context(), func(l events.Logged, _ *events.Record) { core.Apply(l) }); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
