package sharedlog_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// lagging is a log of two records for each page, which is fetched for the second time only: what
// is fetched ahead fails, and the host fetches it itself. It calls fetching before that.
type lagging struct {
	eventlog.Log
	records  []events.Record
	fetching func(from int64)

	mu     sync.Mutex
	failed map[int64]bool
}

func (l *lagging) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	end := int64(len(l.records))
	if from >= end {
		return l.Log.Fetch(ctx, from, wait)
	}
	l.mu.Lock()
	ahead := from > 0 && !l.failed[from]
	l.failed[from] = true
	l.mu.Unlock()
	if ahead {
		return events.Page{}, errors.New("not now")
	}
	l.fetching(from)
	return events.Page{Records: l.records[from : from+2], Next: from + 2, End: end}, nil
}

// looking is a core that calls deciding before it decides.
type looking struct {
	*seats
	deciding func(offset int64)
}

func (l *looking) Decide(c *sharedlog.Call) events.Code {
	l.deciding(c.Offset)
	return l.seats.Decide(c)
}

// The age of what is to be folded is that of its oldest record; while that is fetched, of the one
// before; 0 once all is folded.
func TestHowOldTheOldestRecordIsThatIsNotFolded(t *testing.T) {
	began := time.UnixMilli(1_700_000_000_000)
	log, reader := memlog.New(), sdkmetric.NewManualReader()
	lag := &lagging{Log: log, failed: map[int64]bool{}}
	for i := range 4 {
		r, err := sharedlog.Encode(events.Encoder{Source: "/test"}, sharedlog.CallID{byte(i + 1)}, int64(i), take(string(rune('a'+i))))
		if err != nil {
			t.Fatal(err)
		}
		r.Timestamp = began.Add(time.Duration(i) * 10 * time.Second).UnixMilli()
		if _, err := log.Append(t.Context(), []events.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	lag.records = log.Records()
	fetching, deciding := map[int64]float64{}, map[int64]float64{}
	lag.fetching = func(from int64) { fetching[from] = lagAge(t, reader) }
	h := sharedlog.NewHost(sharedlog.Config{
		Log: log, Reads: lag, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		Meter: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test"),
		Now:   func() time.Time { return began.Add(100 * time.Second) },
		NewCore: func() sharedlog.Core {
			return &looking{&seats{9, map[string]int64{}}, func(offset int64) { deciding[offset] = lagAge(t, reader) }}
		},
	})
	run(t, h)
	if err := h.Read(t.Context(), true, func(sharedlog.Core, sharedlog.Position) {}); err != nil {
		t.Fatal(err)
	}
	if want := map[int64]float64{0: 0, 2: 90}; !maps.Equal(fetching, want) {
		t.Errorf("while records are fetched it is %v, want %v", fetching, want)
	}
	if want := map[int64]float64{0: 0, 1: 0, 2: 80, 3: 80}; !maps.Equal(deciding, want) {
		t.Errorf("while records are folded it is %v, want %v", deciding, want)
	}
	if got := lagAge(t, reader); got != 0 {
		t.Errorf("once all is folded it is %v", got)
	}
}

// lagAge is what a meter tells now, -1 if it does not.
func lagAge(t *testing.T, r sdkmetric.Reader) float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &all); err != nil {
		t.Error(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if d, ok := m.Data.(metricdata.Gauge[float64]); ok && m.Name == "spanway.shared.lag.age" && len(d.DataPoints) == 1 {
				return d.DataPoints[0].Value
			}
		}
	}
	return -1
}
