package sharedlog_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// sums are what a meter was told, by the name of the instrument and its label, if it has
// one of its own.
func sums(t *testing.T, r sdkmetric.Reader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			var points []metricdata.DataPoint[int64]
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				points = d.DataPoints
			case metricdata.Gauge[int64]:
				points = d.DataPoints
			}
			for _, p := range points {
				name := m.Name
				for _, label := range []string{"verdict", "reason"} {
					if v, ok := p.Attributes.Value(attribute.Key(label)); ok {
						name += " " + v.AsString()
					}
				}
				out[name] = p.Value
			}
		}
	}
	return out
}

func TestAHostIsCounted(t *testing.T) {
	log, reader := memlog.New(), sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	h := sharedlog.NewHost(sharedlog.Config{
		Log: log, Reads: log, Topic: "t", Encoder: events.Encoder{Source: "/test"}, Meter: provider.Meter("test"),
		NewCore: func() sharedlog.Core { return &seats{1, map[string]int64{}} },
	})
	run(t, h)
	for _, id := range []string{"a", "b", "c"} {
		if _, err := h.Call(t.Context(), take(id), nil); err != nil {
			t.Fatal(err)
		}
	}
	copied := log.Records()[0]
	if _, err := log.Append(t.Context(), []events.Record{copied, {Value: []byte("of a stranger")}}); err != nil {
		t.Fatal(err)
	}
	if err := h.Read(t.Context(), true, func(sharedlog.Core, sharedlog.Position) {}); err != nil {
		t.Fatal(err)
	}
	got := sums(t, reader)
	for name, want := range map[string]int64{
		"spanway.shared.calls ACCEPTED":   1,
		"spanway.shared.calls QUEUE_FULL": 2,
		"spanway.shared.copies":           1,
		"spanway.shared.waiting":          0,
		"spanway.shared.lag":              0,
		"spanway.log.skipped no_call":     1,
	} {
		if n, ok := got[name]; !ok || n != want {
			t.Errorf("%s is %d, %v; want %d", name, n, ok, want)
		}
	}
}

// A record that tells of a lost end is counted while that is news, and not by every host that
// reads it later.
func TestALostEndIsCountedWhileItIsNews(t *testing.T) {
	for age, want := range map[time.Duration]int64{time.Minute: 1, 2 * time.Hour: 0} {
		log, reader := memlog.New(), sdkmetric.NewManualReader()
		r, err := sharedlog.Encode(events.Encoder{Source: "/test"}, sharedlog.CallID{1}, 7, &events.QueueDone{})
		if err != nil {
			t.Fatal(err)
		}
		r.Timestamp = time.Now().Add(-age).UnixMilli()
		if _, err := log.Append(t.Context(), []events.Record{r}); err != nil {
			t.Fatal(err)
		}
		h := sharedlog.NewHost(sharedlog.Config{
			Log: log, Reads: log, Topic: "t", Encoder: events.Encoder{Source: "/test"},
			Meter:   sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test"),
			NewCore: func() sharedlog.Core { return &seats{1, map[string]int64{}} },
		})
		run(t, h)
		if err := h.Read(t.Context(), true, func(sharedlog.Core, sharedlog.Position) {}); err != nil {
			t.Fatal(err)
		}
		if got := sums(t, reader)["spanway.shared.premature"]; got != want {
			t.Errorf("of a record that is %v old %d are counted, want %d", age, got, want)
		}
	}
}

// broken is a log that takes nothing until it is mended.
type broken struct {
	eventlog.Log
	mended atomic.Bool
}

func (l *broken) Append(ctx context.Context, batch []events.Record) (int64, error) {
	if !l.mended.Load() {
		return 0, errors.New("the disk is full")
	}
	return l.Log.Append(ctx, batch)
}

// What is tried again is told of, and is in the way of readiness for as long.
func TestWhatIsTriedAgainIsTold(t *testing.T) {
	log := memlog.New()
	appends := &broken{Log: log}
	h := sharedlog.NewHost(sharedlog.Config{
		Log: appends, Reads: log, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		Board:   trouble.NewBoard(slog.New(slog.DiscardHandler)),
		NewCore: func() sharedlog.Core { return &seats{1, map[string]int64{}} },
	})
	run(t, h)
	answer := make(chan error, 1)
	go func() {
		_, err := h.Call(t.Context(), take("a"), nil)
		answer <- err
	}()
	await := func(what string, so func(err error) bool) {
		t.Helper()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for began := time.Now(); !so(h.Trouble()); <-tick.C {
			if time.Since(began) > time.Minute {
				t.Fatalf("%s: in the way is %v", what, h.Trouble())
			}
		}
	}
	await("appends fail", func(err error) bool {
		return err != nil && strings.Contains(err.Error(), "append calls to t/0") && strings.Contains(err.Error(), "the disk is full")
	})
	appends.mended.Store(true)
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
	await("it is mended", func(err error) bool { return err == nil })
}
